#include "coordinator/builder/jail.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/temp_dir.hpp"

using proxima::builder::Jail;
using proxima::builder::JailLevel;
using proxima::builder::JailLimits;

namespace {

const Jail& the_jail() {
  static const Jail jail = Jail::probe({});
  return jail;
}

std::string run(const std::string& script, JailLimits limits = {}) {
  const proxima::tests::TempDir folder;
  const auto done = the_jail().run({"/bin/sh", "-c", script}, folder.path(), limits);
  return done ? "done" : done.error().text();
}

bool has(const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(jail)

BOOST_AUTO_TEST_CASE(a_program_works_in_its_folder_and_its_words_come_back) {
  const proxima::tests::TempDir folder;
  BOOST_TEST(the_jail().run({"/bin/sh", "-c", "echo x > made"}, folder.path(), {}).has_value());
  BOOST_TEST(std::filesystem::exists(folder.file("made")));
  BOOST_TEST(has(run("echo broken here >&2; exit 3"), "broken here"));
  BOOST_TEST(has(run("exit 3"), "it does not say why"));
}

BOOST_AUTO_TEST_CASE(endless_words_are_cut) {
  const std::string words = run("i=0; while [ $i -lt 20000 ]; do echo aaaaaaaaaaaaaaaaaaaa; i=$((i+1)); done; exit 1");
  BOOST_TEST(words.size() < 3000U);
}

BOOST_AUTO_TEST_CASE(a_program_that_hangs_is_stopped_with_all_it_started) {
  JailLimits limits;
  limits.wall_s = 1;
  BOOST_TEST(has(run("sleep 1000 & sleep 1000", limits), "it was stopped after 1 s"));
}

BOOST_AUTO_TEST_CASE(processor_time_and_memory_are_bounded) {
  JailLimits limits;
  limits.cpu_s = 1;
  limits.wall_s = 30;
  BOOST_TEST(has(run("while :; do :; done", limits), "went over its limits"));
  JailLimits memory;
  memory.memory_bytes = 64U << 20U;
  BOOST_TEST(run("exec head -c 200000000 /dev/zero | tail -c 199999999 > /dev/null", memory) != "done");
}

BOOST_AUTO_TEST_CASE(a_file_can_only_grow_so_far) {
  JailLimits limits;
  limits.file_bytes = 1U << 20U;
  BOOST_TEST(run("head -c 3000000 /dev/zero > large", limits) != "done");
}

BOOST_AUTO_TEST_CASE(there_is_no_network_and_no_other_file) {
  if (the_jail().level() != JailLevel::namespaces) {
    BOOST_TEST_MESSAGE("skipped: this kernel gives no namespaces");
    return;
  }
  BOOST_TEST(run("test $(grep -c : /proc/net/dev) -le 1") == "done");  // loopback alone
  BOOST_TEST(run("echo x > /usr/x") != "done");
  BOOST_TEST(run("ls /home /root /etc/passwd") != "done");
  BOOST_TEST(run("test -z \"$(ls /tmp | grep -v proxima)\"") == "done");
  BOOST_TEST(run("test $$ -le 3") == "done");  // it sees no process but its own
}

BOOST_AUTO_TEST_CASE(a_program_that_is_missing_is_said_to_be) {
  const proxima::tests::TempDir folder;
  BOOST_TEST(!the_jail().run({"/usr/bin/there-is-no-such-program"}, folder.path(), {}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

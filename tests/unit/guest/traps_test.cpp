#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

#include "tests/unit/guest/guests/hostile.hpp"
#include "tests/unit/guest/objects.hpp"

using proxima::tests::Loaded;
using proxima::worker::GuestOutcome;

namespace {

GuestOutcome ask(Loaded& loaded, hostile::Deed deed) {
  const std::array<std::uint8_t, 1> frame{deed};
  return loaded.guest->frame({}, frame);
}

int* volatile nowhere = nullptr;

struct Row {
  hostile::Deed deed;
  const char* reason;
};

constexpr Row rows[] = {
    {hostile::unreachable, "unreachable"},
    {hostile::read_beyond, "out-of-bounds memory access"},
    {hostile::write_beyond, "out-of-bounds memory access"},
    {hostile::write_just_beyond, "out-of-bounds memory access"},
    {hostile::divide_by_zero, "integer divide by zero"},
    {hostile::divide_overflow, "integer overflow"},
    {hostile::convert, "conversion of not-a-number to an integer"},
    {hostile::wrong_call, "indirect call of an empty or different function"},
    {hostile::stack, "stack exhausted"},
    {hostile::shadow_stack, "out-of-bounds memory access"},
    {hostile::output_outside, "gave a host function a range outside its memory"},
    {hostile::output_too_large, "output larger than a result may be"},
    {hostile::task_trap, "the task called trap(101)"},
    {hostile::out_of_memory, "out of memory"},
    {hostile::log_outside, "gave a host function a range outside its memory"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(traps)

BOOST_AUTO_TEST_CASE(each_trap_comes_back_by_name_and_ends_the_instance) {
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.reason << " for deed " << int{row.deed}) {
      Loaded loaded("hostile");
      BOOST_TEST((loaded.guest->open({}).kind == GuestOutcome::Kind::ok));
      const GuestOutcome outcome = ask(loaded, row.deed);
      BOOST_TEST((outcome.kind == GuestOutcome::Kind::trapped));
      BOOST_TEST(outcome.reason == row.reason);
      const GuestOutcome later = ask(loaded, hostile::count);
      BOOST_TEST((later.kind == GuestOutcome::Kind::trapped));
      BOOST_TEST(later.reason == row.reason);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_trap_at_start_fails_the_load_with_its_reason) {
  proxima::tests::ObjectFile file(proxima::tests::object_of("trap_at_once"));
  proxima::tests::RecordingHost host;
  const auto loaded = proxima::worker::Guest::load(file.fd(), {16}, host);
  BOOST_REQUIRE(!loaded.has_value());
  BOOST_TEST(loaded.error().text() == "the task trapped while starting: the task called trap(199)");
}

BOOST_AUTO_TEST_CASE(a_stack_that_ends_is_caught_on_another_thread_too) {
  std::string reason;
  std::thread([&] {
    Loaded loaded("hostile");
    reason = ask(loaded, hostile::stack).reason;
  }).join();
  BOOST_TEST(reason == "stack exhausted");
}

BOOST_AUTO_TEST_CASE(a_loop_is_left_only_by_ending_the_process) {
  Loaded loaded("hostile");
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit one_second{1, 2};
    setrlimit(RLIMIT_CPU, &one_second);
    ask(loaded, hostile::loop);
    _exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGXCPU);
}

BOOST_AUTO_TEST_CASE(a_fault_of_the_host_is_not_taken_for_the_guests) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // not the test framework's
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    Loaded loaded("hostile");
    *static_cast<volatile int*>(nowhere) = 1;
    _exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(WTERMSIG(status) == SIGSEGV);
}

BOOST_AUTO_TEST_SUITE_END()

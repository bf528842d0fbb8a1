// How an agent starts, says who it is, and ends.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {
namespace {

/// Runs an agent that cannot start: its status and words.
Finished refused_start(const std::vector<std::string>& argv) { return run(argv); }

std::vector<std::string> without(std::vector<std::string> argv, const std::string& flag) {
  std::erase(argv, flag);
  return argv;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(agent_start)

BOOST_AUTO_TEST_CASE(a_birth_says_what_the_owner_gives_and_a_clean_leave_says_lost) {
  Region region;
  TempDir data;
  AgentProcess agent(region, data, {"--memory-mib", "48", "--cpu-percent", "50", "--cores", "3", "--idle-beat-s", "1"});
  BOOST_TEST(agent.isolation == "full");
  BOOST_REQUIRE(region.births.size() == 1U);
  const protocol::Birth birth = region.births[0];
  BOOST_TEST(birth.name == "kitchen");
  BOOST_TEST(birth.memory_mib == 48U);
  BOOST_TEST(birth.cpu_percent == 50);
  BOOST_TEST(birth.cores == 3U);
  BOOST_TEST(birth.benchmark_us > 0U);
  BOOST_TEST(birth.frames_endpoint == agent.frames);
  BOOST_TEST(birth.echo_endpoint == agent.echo);
  BOOST_TEST(birth.pid == static_cast<std::uint32_t>(agent.pid()));
  BOOST_TEST(birth.functions.empty());
  BOOST_TEST(!birth.device_class.empty());
  region.until("three beats have come", [&] { return region.beats.size() >= 3; });
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(region.beats[i].incarnation == birth.incarnation);
    BOOST_TEST(region.beats[i].sequence == i + 1);
  }
  agent.process().signal(SIGTERM);
  region.until("the region is told", [&] { return !region.losts.empty(); });
  BOOST_TEST(region.losts[0].incarnation == birth.incarnation);
  BOOST_TEST(agent.process().wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_killed_agents_will_says_lost) {
  Region region;
  TempDir data;
  AgentProcess agent(region, data);
  agent.process().signal(SIGKILL);
  region.until("the will has come", [&] { return !region.losts.empty(); });
  BOOST_TEST(region.losts[0].incarnation == region.births[0].incarnation);
}

BOOST_AUTO_TEST_CASE(the_id_is_kept_and_the_incarnation_is_not) {
  Region region;
  TempDir data;
  std::string id;
  for (int life = 0; life < 2; ++life) {
    AgentProcess agent(region, data);
    if (life == 0) id = agent.node;
    BOOST_TEST(agent.node == id);
    region.until("born", [&] { return region.births.size() == static_cast<std::size_t>(life) + 1; });
    agent.process().signal(SIGINT);
    BOOST_TEST(agent.process().wait().value_or(-1) == 0);
  }
  BOOST_TEST(region.births[0].incarnation != region.births[1].incarnation);
  struct stat facts {};
  BOOST_REQUIRE(stat(data.file("agent/node-id").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777) == 0600);
}

BOOST_AUTO_TEST_CASE(a_second_agent_on_one_directory_is_refused) {
  Region region;
  TempDir data;
  AgentProcess agent(region, data);
  const Finished second = refused_start(agent_argv(region.broker().endpoint(), region.api(), data.file("agent")));
  BOOST_TEST(second.status == 1);
  BOOST_TEST(second.output.find("another agent is using it") != std::string::npos);
  BOOST_TEST(second.output.find("--data") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bad_starts_are_refused_in_words) {
  struct Row {
    const char* name;
    std::vector<std::string> more;
    int status;
    const char* words;
  };
  const Row rows[] = {
      {"a name with spaces", {"--name", "Kitchen Router"}, 2, "--name"},
      {"an address that is not loopback", {"--frames", "0.0.0.0:0"}, 2, "127.0.0.1"},
      {"an echo that is not loopback", {"--echo", "192.168.1.1:0"}, 2, "127.0.0.1"},
      {"no address at all", {"--broker", "nowhere"}, 2, "nowhere"},
      {"an API without a port", {"--api", "http://127.0.0.1"}, 2, "--api"},
      {"no memory", {"--memory-mib", "0"}, 2, "--memory-mib"},
      {"more CPU than a core", {"--cpu-percent", "101"}, 2, "--cpu-percent"},
      {"an unknown host function", {"--host", "teleport"}, 2, "--host"},
      {"an unknown option", {"--fast"}, 2, "--fast"},
  };
  for (const Row& row : rows) {
    TempDir data;
    std::vector<std::string> argv = agent_argv("127.0.0.1:1", "http://127.0.0.1:1", data.file("agent"));
    for (std::size_t i = 0; i + 1 < row.more.size(); i += 2) {
      const auto at = std::find(argv.begin(), argv.end(), row.more[i]);
      if (at == argv.end()) argv.insert(argv.end(), {row.more[i], row.more[i + 1]});
      else *std::next(at) = row.more[i + 1];
    }
    if (row.more.size() == 1) argv.push_back(row.more[0]);
    const Finished ended = refused_start(argv);
    BOOST_TEST_CONTEXT(row.name << ": " << ended.output) {
      BOOST_TEST(ended.status == row.status);
      BOOST_TEST(ended.output.find(row.words) != std::string::npos);
      BOOST_TEST(!std::filesystem::exists(data.file("agent")));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_keys_it_only_starts_on_request) {
  TempDir data;
  const Finished ended = refused_start(without(agent_argv("127.0.0.1:1", "http://127.0.0.1:1", data.file("agent")), "--insecure-loopback"));
  BOOST_TEST(ended.status == 2);
  BOOST_TEST(ended.output.find("--insecure-loopback") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_broken_id_file_is_named) {
  TempDir data;
  std::filesystem::create_directory(data.file("agent"));
  std::filesystem::permissions(data.file("agent"), std::filesystem::perms::owner_all);
  std::ofstream(data.file("agent/node-id")) << "not an id\n";
  const Finished ended = refused_start(agent_argv("127.0.0.1:1", "http://127.0.0.1:1", data.file("agent")));
  BOOST_TEST(ended.status == 1);
  BOOST_TEST(ended.output.find("node-id") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(help_begins_with_examples) {
  const Finished help = run({PROXIMA_AGENT, "--help"});
  BOOST_TEST(help.status == 0);
  BOOST_TEST(help.output.starts_with("Examples:"));
  const Finished version = run({PROXIMA_AGENT, "--version"});
  BOOST_TEST(version.status == 0);
  BOOST_TEST(version.output.starts_with("proxima-agent "));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

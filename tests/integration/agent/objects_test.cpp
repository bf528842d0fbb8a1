// Native objects: fetched by digest, verified, kept; and what the owner's limits refuse.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "agent/io/object_cache.hpp"
#include "common/io/digest.hpp"
#include "common/io/file.hpp"
#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {
namespace {

using protocol::InstanceState;

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

void end(AgentProcess& agent) {
  agent.process().signal(SIGTERM);
  BOOST_TEST(agent.process().wait().value_or(-1) == 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(agent_objects)

BOOST_AUTO_TEST_CASE(an_object_that_is_not_what_its_digest_says_is_thrown_away) {
  Region region;
  ObjectAnswer forged = obedient();
  forged.digest = std::string(64, 'a');
  region.offer(1, {forged});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason.find("digest") != std::string::npos);
  BOOST_TEST(files_in(data.file("agent/cache")) == 0U);
}

BOOST_AUTO_TEST_CASE(a_failed_build_is_told_in_the_builders_words) {
  Region region;
  region.offer(1, {{422, {}, {}}});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason == "cannot build the object: it imports 'env.system'");
}

BOOST_AUTO_TEST_CASE(an_object_that_is_not_built_yet_is_asked_for_until_it_is) {
  Region region;
  region.offer(1, {{404, {}, {}}, {503, {}, {}}, obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  BOOST_TEST(region.object_requests == 3U);
}

BOOST_AUTO_TEST_CASE(the_cache_serves_without_a_coordinator_and_is_checked_first) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  {
    AgentProcess agent(region, data);
    region.wish({instance_of(1, 7, 1)});
    region.until_state(7, InstanceState::ready);
    end(agent);
  }
  BOOST_TEST(region.object_requests == 1U);
  const std::string cache = data.file("agent/cache");
  BOOST_TEST(files_in(cache) == 2U);
  // One byte of the cached object changes on disk.
  for (const auto& entry : std::filesystem::directory_iterator(cache)) {
    if (entry.path().extension() != ".so") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.put('!');
  }
  {
    AgentProcess agent(region, data);
    region.until("the second life is born", [&] { return region.births.size() == 2; });
    region.wish({instance_of(1, 8, 2)});
    region.until_state(8, InstanceState::ready);
    BOOST_TEST(region.object_requests == 2U);
    end(agent);
  }
  {
    AgentProcess agent(region, data);
    region.until("the third life is born", [&] { return region.births.size() == 3; });
    region.stop_api();
    region.wish({instance_of(1, 9, 3)});
    region.until_state(9, InstanceState::ready);
    end(agent);
  }
}

BOOST_AUTO_TEST_CASE(what_the_owner_does_not_give_is_refused_in_words) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data, {"--memory-mib", "10"});
  protocol::DesiredInstance wants_people = instance_of(1, 7, 1);
  wants_people.functions = {"vision"};
  protocol::DesiredInstance large = instance_of(1, 8, 1);
  large.memory_mib = 11;
  region.wish({wants_people, large, instance_of(1, 9, 1)});
  region.until_state(7, InstanceState::refused);
  region.until_state(8, InstanceState::refused);
  region.until_state(9, InstanceState::ready);
  BOOST_TEST(region.last_report(7)->reason == "needs the host function 'vision', which is not offered here");
  BOOST_TEST(region.last_report(8)->reason == "needs 11 MiB of memory; 10 MiB are given");
}

BOOST_AUTO_TEST_CASE(an_object_that_is_no_object_fails_its_instance) {
  Region region;
  region.offer(1, {{200, blob("#!/bin/sh\nexit 0\n"), {}}});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(!region.last_report(7)->reason.empty());
  BOOST_TEST(agent.process().running());
}

BOOST_AUTO_TEST_CASE(the_cache_is_bounded_and_the_least_recently_used_goes_first) {
  TempDir data;
  agent::ObjectCache cache(data.path(), 250);
  const auto name = [](std::uint8_t n) {
    agent::ObjectName made;
    made.module.bytes[0] = n;
    made.target = "x86_64-linux-gnu";
    made.variant = "scalar";
    return made;
  };
  for (std::uint8_t n = 1; n <= 4; ++n) {
    const Blob bytes(100, n);
    const std::string part = cache.part_path();
    BOOST_REQUIRE(io::replace_file(part, io::View(bytes)).has_value());
    BOOST_REQUIRE(cache.adopt(part, name(n), io::sha256(bytes)).has_value());
    BOOST_TEST(agent::ObjectCache::verify(cache.path(name(n))));
    if (n == 2) cache.touch(name(1));
  }
  BOOST_TEST(cache.bytes() == 200U);
  BOOST_TEST(!cache.holds(name(1)));
  BOOST_TEST(!cache.holds(name(2)));
  BOOST_TEST(cache.holds(name(3)));
  BOOST_TEST(cache.holds(name(4)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

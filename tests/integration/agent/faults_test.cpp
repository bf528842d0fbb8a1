// Workers that die, a node that sleeps, a broker that goes.
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>

#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {
namespace {

using protocol::InstanceState;
using protocol::RefusalCode;
using protocol::Refused;
using protocol::ResultHeader;
using protocol::ResultStatus;

/// One ready instance, 7 under epoch 1, and a client in it.
struct Serving {
  Region region;
  TempDir data;
  std::unique_ptr<AgentProcess> agent;
  std::unique_ptr<Client> client;

  Serving() {
    region.offer(1, {obedient()});
    agent = std::make_unique<AgentProcess>(region, data);
    region.wish({instance_of(1, 7, 1)});
    region.until_state(7, InstanceState::ready);
    client = std::make_unique<Client>(region, agent->frames);
    client->enter(7, 1);
  }
  [[nodiscard]] pid_t worker() const { return static_cast<pid_t>(region.last_report(7)->worker_pid); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(agent_faults, Serving)

BOOST_AUTO_TEST_CASE(a_killed_worker_is_reported_and_its_client_is_told) {
  BOOST_REQUIRE(kill(worker(), SIGKILL) == 0);
  const auto [refused, payload] = client->next_as<Refused>();
  BOOST_TEST((refused.code == RefusalCode::failed));
  BOOST_TEST(refused.sequence == 0U);
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason == "killed by signal 9");
  BOOST_TEST(region.last_report(7)->worker_pid == 0U);
  client->hello(7, 1);
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::failed));
  // The coordinator's next try has a higher epoch.
  region.wish({instance_of(1, 7, 2)});
  region.until_state(7, InstanceState::ready);
  client->enter(7, 2);
  client->frame(7, 2, 1, "e again");
  BOOST_TEST((client->next_as<ResultHeader>().second == blob("e again")));
}

BOOST_AUTO_TEST_CASE(a_frame_in_the_hand_of_a_killed_worker_is_not_called_failed) {
  kill(worker(), SIGSTOP);
  client->frame(7, 1, 1, "e");
  client->say(protocol::Ping{5});  // behind the frame: its answer says that the frame was taken
  BOOST_TEST(client->next_as<protocol::Pong>().first.token == 5U);
  kill(worker(), SIGKILL);
  const auto [refused, payload] = client->next_as<Refused>();
  BOOST_TEST(refused.sequence == 0U);
  BOOST_TEST(client->waiting() == 0U);
}

BOOST_AUTO_TEST_CASE(a_trap_answers_its_frame_and_ends_the_instance_alone) {
  region.wish({instance_of(1, 7, 1), instance_of(1, 8, 1)});
  region.until_state(8, InstanceState::ready);
  Client other(region, agent->frames);
  other.enter(8, 1);
  client->frame(7, 1, 1, "t");
  const auto [result, output] = client->next_as<ResultHeader>();
  BOOST_TEST((result.status == ResultStatus::failed));
  BOOST_TEST(result.reason.starts_with("trap:"));
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::failed));
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason.starts_with("trap:"));
  other.frame(8, 1, 1, "e still here");
  BOOST_TEST((other.next_as<ResultHeader>().second == blob("e still here")));
}

BOOST_AUTO_TEST_CASE(a_forbidden_system_call_and_a_hang_are_named) {
  client->frame(7, 1, 1, "s");
  BOOST_TEST((client->next_as<ResultHeader>().first.status == ResultStatus::failed));
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason == "called the forbidden system call socket");
  region.wish({instance_of(1, 7, 2)});
  region.until_state(7, InstanceState::ready);
  Client second(region, agent->frames);
  second.enter(7, 2);
  second.frame(7, 2, 1, "l");
  BOOST_TEST((second.next_as<ResultHeader>().first.status == ResultStatus::failed));
  region.until_state(7, InstanceState::failed);
  BOOST_TEST(region.last_report(7)->reason.starts_with("hang: no answer in"));
}

BOOST_AUTO_TEST_CASE(a_node_that_slept_answers_what_it_had_in_hand_and_then_learns_that_it_is_out) {
  // Only the worker stands still first, so that the frame is surely in its hand when the agent falls asleep.
  kill(worker(), SIGSTOP);
  client->frame(7, 1, 1, "e dream");
  client->say(protocol::Ping{5});
  BOOST_TEST(client->next_as<protocol::Pong>().first.token == 5U);
  agent->process().signal(SIGSTOP);
  region.wish({});
  kill(worker(), SIGCONT);
  agent->process().signal(SIGCONT);
  const auto [result, output] = client->next_as<ResultHeader>();
  BOOST_TEST((result.epoch == Epoch{1}));
  BOOST_TEST((output == blob("e dream")));
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::unknown_instance));
  region.until_state(7, InstanceState::stopped);
  client->hello(7, 1);
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::unknown_instance));
}

BOOST_AUTO_TEST_CASE(a_stream_goes_on_without_a_broker_and_all_is_said_again_after) {
  region.broker().kill();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    client->frame(7, 1, n, "e");
    BOOST_TEST(client->next_as<ResultHeader>().first.sequence == n);
  }
  const std::size_t births = region.births.size();
  region.reports.clear();
  region.broker().restart();
  region.until("the agent is born again", [&] { return region.births.size() > births; });
  // Whoever of the two came back first, the reports may have been said before anyone listened: the coordinator repeats its
  // wish at a birth, and the agent then says all again.
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  BOOST_TEST(region.births.back().incarnation == region.births.front().incarnation);
}

BOOST_AUTO_TEST_CASE(an_agent_that_ends_takes_its_workers_along) {
  const pid_t pid = worker();
  agent->process().signal(SIGTERM);
  BOOST_TEST(agent->process().wait().value_or(-1) == 0);
  BOOST_TEST(kill(pid, 0) == -1);
  BOOST_TEST(errno == ESRCH);
}

BOOST_AUTO_TEST_CASE(a_killed_agent_leaves_no_worker_behind) {
  const pid_t pid = worker();
  agent->process().signal(SIGKILL);
  BOOST_TEST(agent->process().wait().value_or(-1) == 137);
  BOOST_TEST(eventually([&] { return kill(pid, 0) == -1 && errno == ESRCH; }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "agent/core/agent.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

using protocol::InstanceState;
using protocol::RefusalCode;
using protocol::Refused;
using protocol::ResultHeader;
using protocol::Welcome;

agent::AgentOptions options() {
  agent::AgentOptions made;
  made.birth.incarnation = 42;
  made.birth.memory_mib = 64;
  made.birth.isolation = protocol::Isolation::full;
  return made;
}

struct Fixture {
  agent::Agent core{options()};
  Instant now = at_ms(0);

  agent::Effects tell(agent::Event event) {
    agent::Effects out;
    core.handle(event, now, out);
    return out;
  }
  agent::Effects say(const std::string& who, protocol::ClientMessage message, std::uint64_t token = 0, std::uint32_t bytes = 0) {
    return tell(agent::ClientSaid{peer(who), {token}, std::move(message), bytes});
  }
  agent::Effects hello(const std::string& who, std::uint64_t instance, std::uint32_t epoch) {
    protocol::Hello message;
    message.instance = {instance};
    message.epoch = {epoch};
    return say(who, message);
  }
  void serve(std::uint64_t instance, std::uint32_t epoch) {
    tell(agent::BrokerConnected{});
    tell(agent::DesiredReceived{desired(1, 1, {desired_instance(instance, epoch)})});
    tell(agent::ObjectReady{key(instance, epoch), "/o.so"});
    tell(agent::WorkerReady{key(instance, epoch), 100, 0, protocol::Isolation::full});
  }
};

std::vector<InstanceState> states(const agent::Effects& effects) {
  std::vector<InstanceState> found;
  for (const auto& report : reports(effects)) found.push_back(report.state);
  return found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(agent_core, Fixture)

BOOST_AUTO_TEST_CASE(a_connection_brings_a_birth_and_a_beat) {
  const auto effects = tell(agent::BrokerConnected{});
  BOOST_TEST(all_of<agent::PublishPresence>(effects).size() == 1U);
  BOOST_TEST(all_of<agent::PublishBeat>(effects).size() == 1U);
  BOOST_TEST(core.next_deadline().ns == at_ms(10'000).ns);
}

BOOST_AUTO_TEST_CASE(each_change_is_reported_and_beaten_at_once) {
  tell(agent::BrokerConnected{});
  auto effects = tell(agent::DesiredReceived{desired(1, 9, {desired_instance(1, 1)})});
  BOOST_TEST((states(effects).front() == InstanceState::fetching));
  BOOST_REQUIRE(all_of<agent::PublishBeat>(effects).size() == 1U);
  BOOST_TEST(all_of<agent::PublishBeat>(effects)[0].beat.applied_generation == 9U);
  BOOST_TEST(all_of<agent::PublishBeat>(effects)[0].beat.instances == 1U);
  BOOST_TEST(core.next_deadline().ns == at_ms(1000).ns);
  effects = tell(agent::ObjectReady{key(1, 1), "/o.so"});
  BOOST_TEST((states(effects).back() == InstanceState::starting));
  effects = tell(agent::WorkerReady{key(1, 1), 100, 7, protocol::Isolation::full});
  BOOST_REQUIRE(reports(effects).size() == 1U);
  BOOST_TEST((reports(effects)[0].state == InstanceState::ready));
  BOOST_TEST(reports(effects)[0].worker_pid == 100U);
  BOOST_TEST(reports(effects)[0].host_pid == 7U);
  BOOST_TEST(all_of<agent::PublishBeat>(effects).size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_older_desired_state_changes_nothing) {
  tell(agent::BrokerConnected{});
  tell(agent::DesiredReceived{desired(2, 5, {desired_instance(1, 1)})});
  BOOST_TEST(tell(agent::DesiredReceived{desired(2, 4, {})}).empty());
  BOOST_TEST(tell(agent::DesiredReceived{desired(1, 99, {})}).empty());
  BOOST_TEST(core.supervisor().instances().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_new_coordinator_hears_of_all_that_runs) {
  serve(1, 1);
  const auto effects = tell(agent::DesiredReceived{desired(2, 1, {desired_instance(1, 1)})});
  BOOST_REQUIRE(reports(effects).size() == 1U);
  BOOST_TEST((reports(effects)[0].state == InstanceState::ready));
  const auto again = tell(agent::BrokerConnected{});
  BOOST_TEST(reports(again).size() == 1U);
}

BOOST_AUTO_TEST_CASE(figures_go_with_a_beat_and_only_when_they_are_new) {
  serve(1, 1);
  hello("a", 1, 1);
  say("a", frame(1, 1, 1), 1, 10);
  auto effects = tell(agent::FrameDone{key(1, 1), {1}, true, 0, 1500, 1000});
  BOOST_TEST(reports(effects).empty());
  now = core.next_deadline();
  BOOST_TEST(now.ns == at_ms(1000).ns);
  effects.clear();
  core.on_time(now, effects);
  BOOST_REQUIRE(reports(effects).size() == 1U);
  BOOST_TEST(reports(effects)[0].frames == 1U);
  BOOST_TEST(reports(effects)[0].execute_us_mean == 1500U);
  BOOST_TEST(all_of<agent::PublishBeat>(effects)[0].beat.frames_executed == 1U);
  now = core.next_deadline();
  effects.clear();
  core.on_time(now, effects);
  BOOST_TEST(reports(effects).empty());
  BOOST_TEST(all_of<agent::PublishBeat>(effects).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_ping_and_a_transfer_are_answered_at_once_whoever_asks) {
  auto effects = say("stranger", protocol::Ping{77});
  BOOST_REQUIRE(sent<protocol::Pong>(effects).size() == 1U);
  BOOST_TEST(sent<protocol::Pong>(effects)[0].second.token == 77U);
  effects = say("stranger", protocol::Transfer{78}, 5, 76'800);
  BOOST_REQUIRE(sent<protocol::TransferDone>(effects).size() == 1U);
  BOOST_TEST(sent<protocol::TransferDone>(effects)[0].second.bytes == 76'800U);
  effects = tell(agent::ClientGarbled{peer("stranger"), "unknown kind 99"});
  BOOST_REQUIRE(sent<Refused>(effects).size() == 1U);
  BOOST_TEST((sent<Refused>(effects)[0].second.code == RefusalCode::bad_message));
}

BOOST_AUTO_TEST_CASE(a_killed_worker_is_reported_and_its_clients_are_told) {
  serve(1, 1);
  hello("a", 1, 1);
  say("a", frame(1, 1, 1), 1, 10);
  const auto effects = tell(agent::WorkerGone{key(1, 1), "killed by signal 9", {1}, false});
  BOOST_REQUIRE(sent<Refused>(effects).size() == 1U);
  BOOST_TEST((sent<Refused>(effects)[0].second.code == RefusalCode::failed));
  BOOST_REQUIRE(reports(effects).size() == 1U);
  BOOST_TEST((reports(effects)[0].state == InstanceState::failed));
  BOOST_TEST(reports(effects)[0].reason == "killed by signal 9");
  const auto after = sent<Refused>(hello("a", 1, 1));
  BOOST_REQUIRE(after.size() == 1U);
  BOOST_TEST((after[0].second.code == RefusalCode::failed));
  BOOST_TEST(after[0].second.reason == "killed by signal 9");
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_back_answers_the_frame_in_hand_and_then_learns_that_it_is_out) {
  serve(1, 1);
  hello("a", 1, 1);
  say("a", frame(1, 1, 1), 1, 10);
  say("a", frame(1, 1, 2), 2, 10);
  now = at_ms(5000);
  auto effects = tell(agent::DesiredReceived{desired(1, 2, {})});
  BOOST_TEST(all_of<agent::StopWorker>(effects).empty());
  BOOST_TEST(sent<Refused>(say("a", frame(1, 1, 3), 3, 10)).size() == 1U);
  effects = tell(agent::FrameDone{key(1, 1), {1}, true, 0, 100'000, 100'000});
  BOOST_TEST(sent<ResultHeader>(effects).size() == 1U);
  BOOST_TEST(sent<ResultHeader>(effects)[0].second.epoch.value == 1U);
  BOOST_TEST(all_of<agent::StopWorker>(effects).size() == 1U);
  effects = tell(agent::WorkerGone{key(1, 1), "stopped", {}, false});
  BOOST_TEST((states(effects).back() == InstanceState::stopped));
  BOOST_TEST((sent<Refused>(hello("a", 1, 1))[0].second.code == RefusalCode::unknown_instance));
}

BOOST_AUTO_TEST_CASE(an_idle_instance_that_is_withdrawn_stops_at_once) {
  serve(1, 1);
  hello("a", 1, 1);
  const auto effects = tell(agent::DesiredReceived{desired(1, 2, {})});
  BOOST_TEST(all_of<agent::StopWorker>(effects).size() == 1U);
  BOOST_TEST((sent<Refused>(effects)[0].second.code == RefusalCode::unknown_instance));
}

BOOST_AUTO_TEST_CASE(a_new_epoch_turns_clients_of_the_old_one_away) {
  serve(1, 1);
  hello("a", 1, 1);
  tell(agent::DesiredReceived{desired(1, 2, {desired_instance(1, 2)})});
  BOOST_TEST((sent<Refused>(hello("a", 1, 1))[0].second.code == RefusalCode::stale_epoch));
  BOOST_TEST((sent<Refused>(hello("a", 1, 2))[0].second.code == RefusalCode::not_ready));
  tell(agent::ObjectReady{key(1, 2), "/o.so"});
  tell(agent::WorkerReady{key(1, 2), 101, 0, protocol::Isolation::full});
  BOOST_TEST(sent<Welcome>(hello("a", 1, 2)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_broker_streams_go_on_and_nothing_is_said) {
  serve(1, 1);
  tell(agent::BrokerLost{});
  BOOST_TEST(core.next_deadline().is_never());
  BOOST_TEST(sent<Welcome>(hello("a", 1, 1)).size() == 1U);
  const auto effects = say("a", frame(1, 1, 1), 1, 10);
  BOOST_TEST(all_of<agent::HandOver>(effects).size() == 1U);
  BOOST_TEST(all_of<agent::PublishBeat>(tell(agent::WorkerGone{key(1, 1), "killed by signal 9", {1}, false})).empty());
}

BOOST_AUTO_TEST_CASE(leaving_stops_all_says_lost_and_obeys_no_more) {
  serve(1, 1);
  auto effects = tell(agent::LeaveRequested{});
  BOOST_TEST(all_of<agent::StopWorker>(effects).size() == 1U);
  BOOST_REQUIRE(all_of<agent::PublishPresence>(effects).size() == 1U);
  BOOST_TEST(std::holds_alternative<protocol::Lost>(all_of<agent::PublishPresence>(effects)[0].presence));
  BOOST_TEST(tell(agent::DesiredReceived{desired(9, 9, {desired_instance(5, 1)})}).empty());
  BOOST_TEST(tell(agent::LeaveRequested{}).empty());
  BOOST_TEST(tell(agent::BrokerConnected{}).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

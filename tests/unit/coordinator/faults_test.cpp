#include <boost/test/unit_test.hpp>

#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

using protocol::InstanceState;

/// A placed motion: kitchen-router serves, idle-rig stands by; neighbour-router is the third that could.
struct Placed {
  explicit Placed(std::uint32_t lease_ms = 5'000) {
    region.births(lab);
    TaskRequested request = motion();
    request.lease_ms = lease_ms;
    task = region.run(request, lab, 1);
  }
  [[nodiscard]] TaskView now() const { return region.task(task.id); }
  [[nodiscard]] std::string serving() const { return region.name_of(now().serving); }
  [[nodiscard]] std::string standby() const { return region.name_of(now().standby); }

  std::vector<LabNode> lab = default_lab();
  Region region;
  TaskView task;
};

BOOST_AUTO_TEST_SUITE(faults)

BOOST_AUTO_TEST_CASE(a_takeover_is_ratified_and_a_new_standby_with_a_higher_epoch_chosen) {
  Placed p;
  const TaskView after = p.region.take_over(p.task.id, p.task.standby->epoch, "the session died");
  BOOST_TEST(p.serving() == "idle-rig");
  BOOST_TEST((after.serving->epoch == p.task.standby->epoch));
  BOOST_TEST((after.serving->instance == p.task.standby->instance));
  BOOST_TEST((after.serving->role == protocol::Role::serving));
  BOOST_TEST(p.standby() == "neighbour-router");
  BOOST_TEST((after.standby->epoch > after.serving->epoch));
  BOOST_REQUIRE(after.moves.size() == 1U);
  BOOST_TEST((after.moves[0].from == node_id("kitchen-router")));
  BOOST_TEST((after.moves[0].to == node_id("idle-rig")));
  BOOST_TEST(after.moves[0].reason == "the session died");
  BOOST_TEST(p.region.desired_on("kitchen-router").empty());
  BOOST_TEST((p.region.desired_on("idle-rig").at(0).role == protocol::Role::serving));
}

BOOST_AUTO_TEST_CASE(a_repeated_takeover_and_one_to_an_old_epoch_answer_the_task_as_it_is) {
  Placed p;
  const TaskView after = p.region.take_over(p.task.id, p.task.standby->epoch);
  const std::uint64_t digest = p.region.coordinator.digest();
  for (const Epoch epoch : {p.task.standby->epoch, p.task.serving->epoch, Epoch{1}, Epoch{0}}) {
    const TaskView again = p.region.take_over(p.task.id, epoch);
    BOOST_TEST((again.serving->epoch == after.serving->epoch));
    BOOST_TEST((again.standby->epoch == after.standby->epoch));
    BOOST_TEST(again.moves.size() == 1U);
  }
  BOOST_TEST(p.region.coordinator.digest() == digest);
  p.region.handle(TakeoverReported{RequestId{1}, p.task.id, Epoch{1000}, ""});
  BOOST_TEST(p.region.reply<RequestRefused>().code == 409U);
}

BOOST_AUTO_TEST_CASE(the_node_that_a_stream_left_stands_by_again_only_once_it_was_heard) {
  Placed p;
  p.region.lose("neighbour-router");
  p.region.take_over(p.task.id, p.task.standby->epoch);
  BOOST_TEST(p.standby() == "none");
  p.region.pass(Duration::millis(2100));
  BOOST_TEST(p.standby() == "none");
  p.region.beat("kitchen-router");
  p.region.pass(Duration::millis(2100));
  BOOST_TEST(p.standby() == "kitchen-router");
}

BOOST_AUTO_TEST_CASE(a_killed_node_comes_back_with_a_new_life_and_without_its_old_epochs) {
  Placed p;
  p.region.lose("kitchen-router");
  p.region.take_over(p.task.id, p.task.standby->epoch);
  p.region.birth(p.lab[0], 2);
  BOOST_TEST(p.region.desired_on("kitchen-router").empty());
  BOOST_TEST(p.serving() == "idle-rig");  // a better node is no reason to move
  BOOST_TEST(p.standby() == "neighbour-router");
  const std::size_t before = p.region.wishes_sent;
  p.region.birth(p.lab[0], 2);
  BOOST_TEST(p.region.wishes_sent == before + 1);  // again on each birth
}

BOOST_AUTO_TEST_CASE(a_node_that_nothing_was_ever_wished_of_is_left_as_it_is) {
  Region region;
  region.births(default_lab());
  BOOST_TEST(region.wishes_sent == 0U);
}

BOOST_AUTO_TEST_CASE(a_lost_standby_is_replaced_at_once) {
  Placed p;
  const TaskView after = p.region.lose_standby(p.task.id, p.task.standby->epoch);
  BOOST_TEST(p.serving() == "kitchen-router");
  BOOST_TEST(p.standby() == "neighbour-router");
  BOOST_TEST((after.standby->epoch > p.task.standby->epoch));
  BOOST_TEST(after.moves.empty());
  BOOST_TEST(p.region.desired_on("idle-rig").empty());
  const TaskView again = p.region.lose_standby(p.task.id, p.task.standby->epoch);
  BOOST_TEST((again.standby->epoch == after.standby->epoch));
}

BOOST_AUTO_TEST_CASE(a_standby_is_replaced_when_its_node_is_lost_silent_or_restarted_or_its_instance_failed) {
  const struct {
    const char* name;
    void (*fault)(Placed&);
    const char* standby;
  } rows[] = {
      {"lost", [](Placed& p) { p.region.lose("idle-rig"); }, "neighbour-router"},
      {"silent", [](Placed& p) { p.region.pass_with_beats(Duration::seconds(4), {"kitchen-router"}); }, "neighbour-router"},
      {"restarted", [](Placed& p) { p.region.birth(p.lab[3], 2); }, "idle-rig"},
      {"failed", [](Placed& p) { p.region.report("idle-rig", p.task.standby->instance, p.task.standby->epoch, InstanceState::failed); },
       "neighbour-router"},
      {"refused", [](Placed& p) { p.region.report("idle-rig", p.task.standby->instance, p.task.standby->epoch, InstanceState::refused); },
       "neighbour-router"},
  };
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Placed p;
      row.fault(p);
      BOOST_TEST(p.serving() == "kitchen-router");
      BOOST_TEST(p.standby() == row.standby);
      BOOST_TEST((p.now().standby->epoch > p.task.standby->epoch));
      BOOST_TEST(p.now().moves.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_serving_node_lost_to_the_broker_keeps_its_stream_while_its_client_has_a_lease) {
  Placed p;
  p.region.lose("kitchen-router");
  p.region.handle(ClientReport{RequestId{1}, p.task.id});
  BOOST_TEST(p.serving() == "kitchen-router");
  BOOST_TEST(p.now().moves.empty());
  p.region.beat("kitchen-router");
  BOOST_TEST(p.region.desired_on("kitchen-router").size() == 1U);
  BOOST_TEST((p.region.desired_on("kitchen-router")[0].epoch == p.task.serving->epoch));
}

BOOST_AUTO_TEST_CASE(without_a_lease_the_coordinator_promotes_the_standby) {
  Placed p(0);
  p.region.lose("kitchen-router");
  BOOST_TEST(p.serving() == "idle-rig");
  BOOST_TEST(p.standby() == "neighbour-router");
  BOOST_REQUIRE(p.now().moves.size() == 1U);
  BOOST_TEST(p.now().moves[0].reason == "the node is lost");
}

BOOST_AUTO_TEST_CASE(a_silent_serving_node_is_noticed_by_its_missing_beats) {
  Placed p(0);
  p.region.pass_with_beats(Duration::seconds(3), {"idle-rig", "neighbour-router"});
  BOOST_TEST(p.serving() == "kitchen-router");
  p.region.pass_with_beats(Duration::seconds(1), {"idle-rig", "neighbour-router"});
  BOOST_TEST((p.region.coordinator.node(node_id("kitchen-router"))->state == NodeState::silent));
  BOOST_TEST(p.serving() == "idle-rig");
}

BOOST_AUTO_TEST_CASE(nobody_is_silent_while_the_broker_is_away) {
  Placed p(0);
  p.region.handle(BrokerLinkChanged{false});
  p.region.pass(Duration::seconds(100));
  BOOST_TEST((p.region.coordinator.node(node_id("kitchen-router"))->state == NodeState::present));
  p.region.handle(BrokerLinkChanged{true});
  BOOST_TEST(p.region.wishes_sent > 0U);
  p.region.pass(Duration::seconds(3));
  BOOST_TEST((p.region.coordinator.node(node_id("kitchen-router"))->state == NodeState::present));
  p.region.pass(Duration::seconds(1));
  BOOST_TEST((p.region.coordinator.node(node_id("kitchen-router"))->state == NodeState::silent));
}

BOOST_AUTO_TEST_CASE(a_failed_serving_instance_is_left_to_its_client_for_a_moment) {
  Placed p;
  p.region.report("kitchen-router", p.task.serving->instance, p.task.serving->epoch, InstanceState::failed);
  BOOST_TEST(p.serving() == "kitchen-router");
  p.region.take_over(p.task.id, p.task.standby->epoch, "the client saw it first");
  BOOST_TEST(p.now().moves.at(0).reason == "the client saw it first");
  p.region.pass(Duration::seconds(3));
  BOOST_TEST(p.serving() == "idle-rig");
  BOOST_TEST(p.now().moves.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_follow_is_led) {
  Placed p;
  p.region.birth(p.lab[0], 2);
  BOOST_TEST(p.region.desired_on("kitchen-router").empty());
  BOOST_TEST(p.serving() == "kitchen-router");
  p.region.pass(Duration::millis(2100));
  BOOST_TEST(p.serving() == "idle-rig");
  BOOST_TEST(p.now().moves.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_report_of_an_old_life_epoch_or_instance_fails_nothing) {
  Placed p(0);
  const Grant serving = *p.task.serving;
  p.region.report("kitchen-router", serving.instance, Epoch{serving.epoch.value - 1}, InstanceState::failed);
  p.region.report("kitchen-router", InstanceId{5}, serving.epoch, InstanceState::failed);
  p.region.report("kitchen-router", serving.instance, serving.epoch, InstanceState::failed, 9);
  p.region.report("idle-rig", serving.instance, serving.epoch, InstanceState::failed);
  BOOST_TEST(p.serving() == "kitchen-router");
  p.region.report("kitchen-router", serving.instance, serving.epoch, InstanceState::failed);
  BOOST_TEST(p.serving() == "idle-rig");
}

BOOST_AUTO_TEST_CASE(a_node_where_a_task_failed_is_left_alone_twice_as_long_each_time) {
  Region region;
  std::vector<LabNode> lab{{"only", 1, 0.1, 1000, 256, {}}};
  region.births(lab);
  TaskRequested request = motion();
  request.lease_ms = 0;
  const TaskId id = region.run(request, lab, 1).id;
  for (const int seconds : {10, 20, 40, 80}) {
    const Grant serving = region.task(id).serving.value();
    region.report("only", serving.instance, serving.epoch, InstanceState::failed);
    BOOST_TEST(!region.task(id).serving.has_value());
    BOOST_TEST((region.task(id).state == TaskState::placed));
    BOOST_TEST(region.task(id).reason.starts_with("no node left"));
    region.pass_with_beats(Duration::seconds(seconds) - Duration::millis(100), {"only"});
    BOOST_TEST(!region.task(id).serving.has_value());
    region.pass_with_beats(Duration::seconds(3), {"only"});
    BOOST_REQUIRE(region.task(id).serving.has_value());
    BOOST_TEST((region.task(id).serving->epoch > serving.epoch));
    BOOST_TEST(region.task(id).reason.empty());
  }
  BOOST_TEST(region.task(id).moves.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_stream_without_any_node_is_placed_anew_when_one_appears) {
  Region region;
  std::vector<LabNode> lab{{"only", 1, 0.1, 1000, 256, {}}};
  region.births(lab);
  TaskRequested request = motion();
  request.lease_ms = 0;
  const TaskId id = region.run(request, lab, 1).id;
  region.lose("only");
  BOOST_TEST(!region.task(id).serving.has_value());
  BOOST_TEST(region.desired_on("only").empty());
  region.pass(Duration::millis(100));
  region.birth(lab[0], 2);
  BOOST_REQUIRE(region.task(id).serving.has_value());
  BOOST_TEST((region.task(id).moves.at(0).from == node_id("only")));
  BOOST_TEST((region.task(id).moves.at(0).to == node_id("only")));
}

BOOST_AUTO_TEST_CASE(a_wish_that_is_not_taken_on_is_sent_again) {
  Placed p;
  const std::size_t before = p.region.wishes_sent;
  p.region.desired[node_id("kitchen-router")].generation -= 1;  // as if the last one had been lost
  p.region.beat("kitchen-router");
  BOOST_TEST(p.region.wishes_sent == before);  // it may still be on its way
  p.region.pass(Duration::seconds(2));
  p.region.desired[node_id("kitchen-router")].generation -= 1;
  p.region.beat("kitchen-router");
  BOOST_TEST(p.region.wishes_sent == before + 1);
  p.region.beat("kitchen-router");
  BOOST_TEST(p.region.wishes_sent == before + 1);
}

BOOST_AUTO_TEST_CASE(reported_times_teach_the_service_after_eight_frames) {
  Placed p;
  protocol::InstanceReport report;
  report.incarnation = 1;
  report.instance = p.task.serving->instance;
  report.epoch = p.task.serving->epoch;
  report.state = InstanceState::ready;
  report.frames = 7;
  report.execute_us_mean = 9'000;
  report.execute_us_error = 100;
  p.region.handle(NodeEventReceived{node_id("kitchen-router"), report});
  BOOST_TEST(row(*p.region.coordinator.explain(p.task.id), "kitchen-router").terms->service == 1);
  report.frames = 8;
  p.region.handle(NodeEventReceived{node_id("kitchen-router"), report});
  const Decision now = p.region.coordinator.explain(p.task.id).value();
  BOOST_TEST(row(now, "kitchen-router").terms->service == 9);
  BOOST_TEST(row(now, "idle-rig").terms->service == 1);  // its own differs beyond both errors
}

BOOST_AUTO_TEST_CASE(memory_that_other_tasks_hold_is_not_given_twice) {
  Region region;
  std::vector<LabNode> lab{{"small", 1, 0.1, 1000, 64, {}}};
  region.births(lab);
  TaskRequested request = motion();
  request.spec.memory_mib = 24;
  BOOST_TEST((region.run(request, lab, 1).state == TaskState::placed));
  BOOST_TEST((region.run(request, lab, 1).state == TaskState::placed));
  const TaskView third = region.run(request, lab, 1);
  BOOST_TEST((third.state == TaskState::refused));
  const Candidate& candidate = third.first->candidates.at(0);
  BOOST_TEST(blocks(candidate) == "memory_mib");
  BOOST_TEST(std::get<double>(candidate.blocked[0].had) == 16);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

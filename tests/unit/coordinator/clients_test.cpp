#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "common/protocol/limits.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

constexpr double motion_ms = 1;
constexpr double detect_ms = 105;

std::string names(const std::vector<Grant>& grants) {
  std::string out;
  for (const Grant& grant : grants) out += (out.empty() ? "" : ",") + grant.node_name;
  return out;
}

BOOST_AUTO_TEST_SUITE(clients)

BOOST_AUTO_TEST_CASE(motion_goes_to_the_kitchen_router) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskView task = region.run(motion(), lab, motion_ms);
  BOOST_TEST((task.state == TaskState::placed));
  BOOST_TEST(region.name_of(task.serving) == "kitchen-router");
  BOOST_TEST(region.name_of(task.standby) == "idle-rig");
  const Candidate& kitchen = row(*task.first, "kitchen-router");
  BOOST_TEST(kitchen.feasible);
  BOOST_TEST(*kitchen.predicted_ms == 1.6 + 2.048 + 1, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(blocks(row(*task.first, "phone")) == "deadline_ms");  // 30.7 ms of transfer at 20 Mbit/s
  BOOST_TEST(blocks(row(*task.first, "rack-cloud")) == "deadline_ms");
  BOOST_TEST(task.first->candidates.size() == 5U);
}

BOOST_AUTO_TEST_CASE(detect_goes_to_the_idle_rig_although_the_phone_is_nearer_by_round_trip) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskView task = region.run(detect(), lab, detect_ms);
  BOOST_TEST(region.name_of(task.serving) == "idle-rig");
  BOOST_TEST(region.name_of(task.standby) == "phone");
  for (const char* router : {"kitchen-router", "neighbour-router"})
    BOOST_TEST(blocks(row(*task.first, router)) == "host_function");
  BOOST_TEST(row(*task.first, "phone").terms->transfer == 31.6, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_fifth_of_the_rigs_cpu_sends_detect_to_the_phone) {
  Region region;
  auto lab = default_lab();
  lab[3].cpu_percent = 20;
  lab[3].benchmark_us = 25'000;
  region.births(lab);
  const TaskId id = region.request(detect());
  const auto trials = region.measure(id, lab);
  BOOST_TEST(names(trials) == "idle-rig,phone,rack-cloud");
  const TaskView task = region.try_out(id, trials, {{"idle-rig", 525}, {"phone", 105}, {"rack-cloud", 106}});
  BOOST_TEST(region.name_of(task.serving) == "phone");
  BOOST_TEST(region.name_of(task.standby) == "rack-cloud");
  BOOST_TEST(blocks(row(*task.first, "idle-rig")) == "deadline_ms,rate_hz");
}

BOOST_AUTO_TEST_CASE(both_tasks_run_at_once_and_the_load_of_one_is_the_queue_of_the_other) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskView first = region.run(detect(), lab, detect_ms);
  const TaskView second = region.run(motion(), lab, motion_ms);
  BOOST_TEST(region.name_of(first.serving) == "idle-rig");
  BOOST_TEST(region.name_of(second.serving) == "kitchen-router");
  // 4 frames a second of 105 ms leave the rig 58 % of its time: 1 ms becomes 1.72.
  BOOST_TEST(row(*second.first, "idle-rig").terms->queue == 0.42 / 0.58, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(row(*second.first, "kitchen-router").terms->queue == 0);
}

BOOST_AUTO_TEST_CASE(a_task_is_accepted_with_every_present_node_and_what_measuring_it_is_good_for) {
  Region region;
  auto lab = default_lab();
  lab[1].target = "mips-linux-gnu";
  region.births(lab);
  region.lose("rack-cloud");
  region.request(detect());
  const auto& accepted = region.reply<TaskAccepted>();
  std::string useful;
  for (const ProbeTarget& target : accepted.targets) useful += target.name + (target.transfer_useful ? "+ " : "- ");
  BOOST_TEST(useful == "idle-rig+ kitchen-router- neighbour-router- phone+ ");
  std::set<std::string> targets;
  for (const Effect& effect : region.out)
    if (const auto* build = std::get_if<RequestBuild>(&effect)) BOOST_TEST(targets.insert(build->target).second);
  BOOST_TEST((targets == std::set<std::string>{"mips-linux-gnu", "x86_64-linux-gnu"}));
  region.request(detect());
  BOOST_TEST(std::none_of(region.out.begin(), region.out.end(),
                          [](const Effect& e) { return std::holds_alternative<RequestBuild>(e); }));
}

BOOST_AUTO_TEST_CASE(an_empty_region_accepts_a_task_and_then_says_why_not) {
  Region region;
  const TaskId id = region.request(motion());
  BOOST_TEST(region.reply<TaskAccepted>().targets.empty());
  BOOST_TEST(region.measure(id, {}).empty());
  const TaskView task = region.try_out(id, {}, {});
  BOOST_TEST((task.state == TaskState::refused));
  BOOST_TEST(task.reason == "there is no node in the region that could serve 'motion'");
}

BOOST_AUTO_TEST_CASE(an_impossible_task_is_refused_with_every_node_and_all_reasons) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  TaskRequested request = detect();
  request.spec.memory_mib = 100;
  request.spec.contract.deadline_ms = 3;
  const TaskId id = region.request(request);
  const auto trials = region.measure(id, lab);
  BOOST_TEST(trials.empty());  // nothing is in reach, so nothing is tried
  const TaskView task = region.try_out(id, trials, {});
  BOOST_TEST((task.state == TaskState::refused));
  BOOST_TEST(!task.first->serving.has_value());
  BOOST_TEST(task.first->candidates.size() == 5U);
  BOOST_TEST(blocks(row(*task.first, "kitchen-router")) == "host_function,memory_mib,deadline_ms");
  BOOST_TEST(blocks(row(*task.first, "phone")) == "deadline_ms");
  for (const auto& [node, wish] : region.desired) BOOST_TEST(wish.instances.empty());
}

BOOST_AUTO_TEST_CASE(the_deadline_that_explain_names_is_enough_and_a_little_less_is_not) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  TaskRequested request = motion();
  request.spec.contract.deadline_ms = 4;
  const TaskView refused = region.run(request, lab, motion_ms);
  BOOST_TEST((refused.state == TaskState::refused));
  request.spec.contract.deadline_ms = row(*refused.first, "kitchen-router").fits_if_deadline_ms.value();
  const TaskView fits = region.run(request, lab, motion_ms);
  BOOST_TEST(region.name_of(fits.serving) == "kitchen-router");
  *request.spec.contract.deadline_ms -= 0.01;
  BOOST_TEST((region.run(request, lab, motion_ms).state == TaskState::refused));
}

BOOST_AUTO_TEST_CASE(the_instances_of_a_placement_have_rising_epochs_and_the_trials_are_gone) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  const auto trials = region.measure(id, lab);
  BOOST_TEST(names(trials) == "kitchen-router,idle-rig,neighbour-router");
  for (const Grant& trial : trials) {
    BOOST_TEST((trial.role == protocol::Role::trial));
    BOOST_TEST(region.desired_on(trial.node_name).size() == 1U);
  }
  const TaskView task = region.try_out(id, trials, {{"kitchen-router", 1}, {"idle-rig", 1}, {"neighbour-router", 1}});
  for (const Grant& trial : trials) BOOST_TEST((task.serving->epoch > trial.epoch));
  BOOST_TEST((task.standby->epoch > task.serving->epoch));
  BOOST_TEST((task.highest_epoch == task.standby->epoch));
  BOOST_TEST(region.desired_on("kitchen-router").size() == 1U);
  BOOST_TEST((region.desired_on("kitchen-router")[0].role == protocol::Role::serving));
  BOOST_TEST((region.desired_on("idle-rig")[0].role == protocol::Role::standby));
  BOOST_TEST(region.desired_on("neighbour-router").empty());
  BOOST_TEST(region.desired_on("kitchen-router")[0].deadline_us == 20'000U);
  BOOST_TEST(region.desired_on("kitchen-router")[0].rate_mhz == 30'000U);
}

BOOST_AUTO_TEST_CASE(what_is_learnt_needs_no_second_trial) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  region.run(motion(), lab, motion_ms);
  const TaskId id = region.request(motion());
  BOOST_TEST(region.measure(id, lab).empty());
  BOOST_TEST(region.name_of(region.try_out(id, {}, {}).serving) == "kitchen-router");
}

BOOST_AUTO_TEST_CASE(a_plan_decides_and_leaves_nothing_behind) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  TaskRequested request = motion();
  request.dry_run = true;
  const TaskView task = region.run(request, lab, motion_ms);
  BOOST_TEST((task.state == TaskState::stopped));
  BOOST_TEST(task.reason == "planned");
  BOOST_TEST((task.first->serving == node_id("kitchen-router")));
  for (const auto& [node, wish] : region.desired) BOOST_TEST(wish.instances.empty());
}

BOOST_AUTO_TEST_CASE(a_pinned_task_without_a_contract_runs_on_that_node_alone) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  TaskRequested request = motion();
  request.spec.contract.deadline_ms.reset();
  request.spec.pinned_node = "rack-cloud";
  const TaskView task = region.run(request, lab, motion_ms);
  BOOST_TEST(region.name_of(task.serving) == "rack-cloud");
  BOOST_TEST(region.name_of(task.standby) == "none");
  BOOST_TEST(blocks(row(*task.first, "kitchen-router")) == "residency");
}

BOOST_AUTO_TEST_CASE(a_repeated_or_late_report_changes_nothing) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  const auto trials = region.measure(id, lab);
  const auto again = region.measure(id, lab);
  BOOST_REQUIRE(again.size() == trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) BOOST_TEST((again[i].instance == trials[i].instance));
  const std::map<std::string, double> times{{"kitchen-router", 1}, {"idle-rig", 1}, {"neighbour-router", 1}};
  const TaskView placed = region.try_out(id, trials, times);
  const std::uint64_t before = region.coordinator.digest();
  const TaskView repeated = region.try_out(id, trials, times);
  BOOST_TEST((repeated.serving->instance == placed.serving->instance));
  BOOST_TEST(region.coordinator.digest() == before);
  BOOST_TEST(region.measure(id, lab).empty());
  BOOST_TEST((region.task(id).serving->instance == placed.serving->instance));
}

BOOST_AUTO_TEST_CASE(a_trial_that_failed_keeps_its_node_out_with_its_reason) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  const auto trials = region.measure(id, lab);
  TrialsReported event{RequestId{99}, id, {}};
  for (const Grant& grant : trials) {
    const bool ok = grant.node_name != "kitchen-router";
    event.trials.push_back({grant.instance, grant.epoch, ok, ok ? "" : "the worker trapped", {1, 1, 1}, {}});
  }
  region.handle(event);
  const TaskView task = region.task(id);
  BOOST_TEST(region.name_of(task.serving) == "idle-rig");
  const Candidate& kitchen = row(*task.first, "kitchen-router");
  BOOST_TEST(blocks(kitchen) == "state");
  BOOST_TEST(std::get<std::string>(kitchen.blocked[0].had) == "the trial failed: the worker trapped");
}

BOOST_AUTO_TEST_CASE(a_trial_of_another_instance_or_epoch_teaches_nothing) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  auto trials = region.measure(id, lab);
  for (Grant& grant : trials) grant.epoch.value += 1;
  const TaskView task = region.try_out(id, trials, {{"kitchen-router", 1}, {"idle-rig", 1}, {"neighbour-router", 1}});
  BOOST_TEST((task.state == TaskState::refused));
  BOOST_TEST(blocks(row(*task.first, "kitchen-router")) == "state");
}

BOOST_AUTO_TEST_CASE(where_all_that_could_be_tried_is_too_slow_other_classes_are_estimated) {
  Region region;
  std::vector<LabNode> lab;
  for (const char* name : {"a", "b", "c", "d"}) {
    lab.push_back({name, 1, 0.1, 1000, 256, {}});
    lab.back().device_class = name;
    lab.back().benchmark_us = 50'000;
  }
  lab[3].rtt_ms = 5;
  lab[3].benchmark_us = 5'000;
  region.births(lab);
  const TaskId id = region.request(motion());
  const auto trials = region.measure(id, lab);
  BOOST_TEST(names(trials) == "a,b,c");
  const TaskView task = region.try_out(id, trials, {{"a", 40}, {"b", 40}, {"c", 40}});
  BOOST_TEST(region.name_of(task.serving) == "d");
}

BOOST_AUTO_TEST_CASE(a_module_that_cannot_be_built_is_refused_in_the_builders_words) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  region.handle(BuildFailed{digest_of(2), "x86_64-linux-gnu", "scalar", "another module"});
  BOOST_TEST((region.task(id).state == TaskState::measuring));
  region.handle(BuildFailed{digest_of(1), "x86_64-linux-gnu", "scalar", "it exports no on_frame"});
  const TaskView task = region.task(id);
  BOOST_TEST((task.state == TaskState::refused));
  BOOST_TEST(task.reason == "the module cannot be built: it exports no on_frame");
  BOOST_TEST(blocks(row(*task.first, "phone")) == "arch");
  BOOST_TEST(region.measure(id, lab).empty());
  region.request(motion());  // asks the builder again
  BOOST_TEST(std::any_of(region.out.begin(), region.out.end(),
                         [](const Effect& e) { return std::holds_alternative<RequestBuild>(e); }));
}

BOOST_AUTO_TEST_CASE(a_module_that_builds_for_one_target_runs_there) {
  Region region;
  auto lab = default_lab();
  lab[0].target = "mips-linux-gnu";
  region.births(lab);
  const TaskId id = region.request(motion());
  region.handle(BuildFailed{digest_of(1), "mips-linux-gnu", "scalar", "no compiler for mips"});
  const auto trials = region.measure(id, lab);
  const TaskView task = region.try_out(id, trials, {{"idle-rig", 1}, {"neighbour-router", 1}});
  BOOST_TEST(region.name_of(task.serving) == "idle-rig");
  BOOST_TEST(blocks(row(*task.first, "kitchen-router")) == "arch");
}

BOOST_AUTO_TEST_CASE(requests_that_cannot_be_taken_are_refused_with_words) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    const char* name;
    std::function<void(TaskRequested&)> spoil;
  } rows[] = {
      {"name", [](auto& r) { r.spec.name = "Motion!"; }},
      {"version", [](auto& r) { r.spec.version = ""; }},
      {"module", [](auto& r) { r.spec.module = {}; }},
      {"deadline of nothing", [](auto& r) { r.spec.contract.deadline_ms = 0; }},
      {"deadline that is no number", [=](auto& r) { r.spec.contract.deadline_ms = nan; }},
      {"p95", [](auto& r) { r.spec.contract.p95_ms = 1e9; }},
      {"rate", [](auto& r) { r.spec.contract.rate_hz = 0; }},
      {"rate that is no number", [=](auto& r) { r.spec.contract.rate_hz = nan; }},
      {"memory of nothing", [](auto& r) { r.spec.memory_mib = 0; }},
      {"memory", [](auto& r) { r.spec.memory_mib = limits::memory_mib_max + 1; }},
      {"functions", [](auto& r) { r.spec.functions.assign(limits::functions + 1, "vision"); }},
      {"a function without a name", [](auto& r) { r.spec.functions = {""}; }},
      {"pinned", [](auto& r) { r.spec.pinned_node.assign(33, 'a'); }},
      {"largest frame", [](auto& r) { r.spec.input.max_bytes = limits::frame_bytes + 1; }},
      {"first frame", [](auto& r) { r.frame_bytes = r.spec.input.max_bytes + 1; }},
  };
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Region region;
      TaskRequested request = motion();
      row.spoil(request);
      region.handle(request);
      const auto& refused = region.reply<RequestRefused>();
      BOOST_TEST(refused.code == 400U);
      BOOST_TEST(!refused.what.empty());
      BOOST_TEST(!refused.why.empty());
      BOOST_TEST(region.coordinator.tasks().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(reports_that_do_not_fit_are_refused) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskId id = region.request(motion());
  const auto code_of = [&](const Event& event) {
    region.handle(event);
    return region.reply<RequestRefused>().code;
  };
  const TaskId unknown{12345};
  BOOST_TEST(code_of(MeasurementsReported{RequestId{1}, unknown, {}}) == 404U);
  BOOST_TEST(code_of(TrialsReported{RequestId{1}, unknown, {}}) == 404U);
  BOOST_TEST(code_of(TakeoverReported{RequestId{1}, unknown, Epoch{1}, ""}) == 404U);
  BOOST_TEST(code_of(StandbyLost{RequestId{1}, unknown, Epoch{1}}) == 404U);
  BOOST_TEST(code_of(ClientReport{RequestId{1}, unknown}) == 404U);
  BOOST_TEST(code_of(StopRequested{RequestId{1}, unknown, ""}) == 404U);
  BOOST_TEST(code_of(TrialsReported{RequestId{1}, id, {}}) == 409U);  // nothing was measured yet
  BOOST_TEST(code_of(TakeoverReported{RequestId{1}, id, Epoch{1}, ""}) == 409U);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(code_of(MeasurementsReported{RequestId{1}, id, {{node_id("phone"), true, nan, 0, {}, 0}}}) == 400U);
  BOOST_TEST(code_of(TrialsReported{RequestId{1}, id, {{InstanceId{1}, Epoch{1}, true, "", {nan}, {}}}}) == 400U);
  BOOST_TEST(code_of(TrialsReported{RequestId{1}, id, {{InstanceId{1}, Epoch{1}, true, "", {}, {}}}}) == 400U);
  BOOST_TEST(code_of(TrialsReported{RequestId{1}, id, {{InstanceId{1}, Epoch{1}, true, "", {1, 1, 1, 1}, {}}}}) == 400U);
  ClientReport report{RequestId{1}, id};
  report.e2e_p50_ms = nan;
  BOOST_TEST(code_of(report) == 400U);
}

BOOST_AUTO_TEST_CASE(a_client_that_falls_silent_loses_its_task) {
  const auto lab = default_lab();
  {
    Region region;
    region.births(lab);
    const TaskId id = region.request(motion());
    region.pass(Duration::seconds(59));
    BOOST_TEST((region.task(id).state == TaskState::measuring));
    region.pass(Duration::seconds(2));
    BOOST_TEST((region.task(id).state == TaskState::stopped));
  }
  {
    Region region;
    region.births(lab);
    const TaskId id = region.run(motion(), lab, motion_ms).id;
    for (int i = 0; i < 10; ++i) {
      region.pass_with_beats(Duration::seconds(4), {"kitchen-router", "idle-rig"});
      region.handle(ClientReport{RequestId{1}, id});
    }
    BOOST_TEST((region.task(id).state == TaskState::placed));
    region.pass_with_beats(Duration::seconds(6), {"kitchen-router", "idle-rig"});
    BOOST_TEST((region.task(id).state == TaskState::stopped));
    BOOST_TEST(region.task(id).reason == "its client was silent for 5.0 s");
    for (const auto& [node, wish] : region.desired) BOOST_TEST(wish.instances.empty());
  }
}

BOOST_AUTO_TEST_CASE(ended_tasks_are_forgotten_oldest_first) {
  Region region;
  const TaskId first = region.request(motion());
  region.handle(StopRequested{RequestId{1}, first, "enough"});
  BOOST_TEST(region.task(first).reason == "enough");
  for (std::size_t i = 0; i < limits::ended_tasks; ++i)
    region.handle(StopRequested{RequestId{1}, region.request(motion()), ""});
  BOOST_TEST(!region.coordinator.task(first).has_value());
  BOOST_TEST(region.coordinator.tasks().size() == limits::ended_tasks);
}

BOOST_AUTO_TEST_CASE(ids_differ_between_terms_and_seeds) {
  std::set<std::uint64_t> ids;
  for (std::uint64_t term = 1; term <= 3; ++term) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CoordinatorOptions options;
      options.term = term;
      options.seed = seed;
      Region region(options);
      for (int i = 0; i < 100; ++i) BOOST_TEST(ids.insert(region.request(motion()).value).second);
    }
  }
}

BOOST_AUTO_TEST_CASE(explain_says_later_what_the_first_decision_said) {
  Region region;
  const auto lab = default_lab();
  region.births(lab);
  const TaskView task = region.run(motion(), lab, motion_ms);
  const Decision now = region.coordinator.explain(task.id).value();
  BOOST_TEST((now.serving == task.first->serving));
  BOOST_TEST((now.standby == task.first->standby));
  for (const Candidate& candidate : now.candidates) {
    const Candidate& first = row(*task.first, candidate.name);
    BOOST_TEST(candidate.feasible == first.feasible);
    BOOST_TEST((candidate.predicted_ms == first.predicted_ms));
  }
  BOOST_TEST(!region.coordinator.explain(TaskId{1}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

// Thousands of random lives of a region: any event at any time, many of them stale, late, repeated or nonsense.
// After each the invariants hold.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/prng.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

using protocol::InstanceState;

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {
    CoordinatorOptions options;
    options.seed = seed;
    region_ = Region(options);
    lab_ = default_lab();
    lab_.push_back({"sixth", 2, 0.1, 500, 40, {"vision"}});
    lab_.back().device_class = "another cpu";
    lab_.back().target = "aarch64-linux-gnu";
  }

  void step() {
    switch (random_.below(16)) {
      case 0: case 1: region_.birth(any_node(), 1 + random_.below(3)); break;
      case 2: region_.lose(any_node().name, 1 + random_.below(3)); break;
      case 3: case 4: region_.beat(any_node().name, 1 + random_.below(3)); break;
      case 5: report(); break;
      case 6: region_.pass(Duration::millis(static_cast<std::int64_t>(random_.below(6'000)))); break;
      case 7: region_.handle(BrokerLinkChanged{random_.below(2) == 0}); break;
      case 8: request(); break;
      case 9: case 10: measure(); break;
      case 11: case 12: try_out(); break;
      case 13: client(); break;
      case 14: take_over(); break;
      default: build(); break;
    }
    check();
  }

  /// The region is well again: every node is born anew and beats; every client stays.
  void heal() {
    region_.handle(BrokerLinkChanged{true});
    for (const LabNode& node : lab_) region_.birth(node, 1000);
    for (int i = 0; i < 70; ++i) {
      for (const LabNode& node : lab_) region_.beat(node.name, 1000);
      region_.pass(Duration::seconds(10));
      for (const TaskView& task : region_.coordinator.tasks()) region_.handle(ClientReport{RequestId{1}, task.id});
      check();
    }
    for (const TaskView& task : region_.coordinator.tasks()) {
      if (task.state == TaskState::placed) BOOST_REQUIRE(task.serving.has_value() || !could_serve(task));
    }
    for (const NodeView& node : region_.coordinator.nodes()) {
      const auto& sent = region_.desired_on(node.birth.name);
      BOOST_REQUIRE(sent.size() == node.instances.size());
      for (std::size_t i = 0; i < sent.size(); ++i) BOOST_REQUIRE((sent[i].instance == node.instances[i].desired.instance));
    }
  }

  [[nodiscard]] std::uint64_t digest() const { return region_.coordinator.digest(); }
  [[nodiscard]] std::size_t placements() const { return placements_; }

 private:
  const LabNode& any_node() { return lab_[random_.below(lab_.size())]; }

  TaskId any_task() {
    if (tasks_.empty() || random_.below(20) == 0) return TaskId{random_.next()};
    return tasks_[random_.below(tasks_.size())];
  }

  Epoch any_epoch(TaskId id) {
    const auto task = region_.coordinator.task(id);
    if (!task || random_.below(5) == 0) return Epoch{static_cast<std::uint32_t>(random_.below(50))};
    if (task->standby && random_.below(2) == 0) return task->standby->epoch;
    return Epoch{static_cast<std::uint32_t>(random_.below(task->highest_epoch.value + 2))};
  }

  void request() {
    if (tasks_.size() >= 12) return;
    TaskRequested request = random_.below(2) == 0 ? motion() : detect();
    request.dry_run = random_.below(6) == 0;
    request.lease_ms = random_.below(2) == 0 ? 0 : 20'000;
    request.spec.memory_mib = 1 + static_cast<std::uint32_t>(random_.below(40));
    if (random_.below(5) == 0) request.spec.contract.deadline_ms.reset();
    if (random_.below(6) == 0) request.spec.pinned_node = any_node().name;
    tasks_.push_back(region_.request(request));
  }

  void measure() {
    MeasurementsReported event{RequestId{1}, any_task(), {}};
    for (const LabNode& node : lab_) {
      if (random_.below(6) == 0) continue;
      NodeMeasurement m{node_id(node.name), random_.below(8) != 0, node.rtt_ms * (0.5 + random_.unit()), random_.unit(), {}, 0};
      if (random_.below(4) != 0) m.rate_mbit = node.rate_mbit;
      event.nodes.push_back(m);
    }
    region_.handle(event);
    one_reply();
  }

  void try_out() {
    TrialsReported event{RequestId{1}, any_task(), {}};
    for (const NodeView& node : region_.coordinator.nodes()) {
      for (const InstanceView& instance : node.instances) {
        if (instance.desired.role != protocol::Role::trial || random_.below(8) == 0) continue;
        const double ms = random_.unit() * 20;
        event.trials.push_back({instance.desired.instance, instance.desired.epoch, random_.below(6) != 0, "no", {ms, ms}, {0, 0}});
      }
    }
    region_.handle(event);
    one_reply();
  }

  void client() {
    const TaskId task = any_task();
    switch (random_.below(4)) {
      case 0: region_.handle(StandbyLost{RequestId{1}, task, any_epoch(task)}); break;
      case 1: region_.handle(StopRequested{RequestId{1}, task, "random"}); break;
      default: region_.handle(ClientReport{RequestId{1}, task, 30, 0, 5, 8, 3}); break;
    }
    one_reply();
  }

  void take_over() {
    const TaskId task = any_task();
    region_.handle(TakeoverReported{RequestId{1}, task, any_epoch(task), "random"});
    one_reply();
  }

  void report() {
    std::vector<std::pair<std::string, protocol::DesiredInstance>> all;
    for (const NodeView& node : region_.coordinator.nodes())
      for (const InstanceView& instance : node.instances) all.emplace_back(node.birth.name, instance.desired);
    if (all.empty()) return;
    const auto& [name, instance] = all[random_.below(all.size())];
    protocol::InstanceReport event;
    event.incarnation = 1 + random_.below(3);
    event.instance = instance.instance;
    event.epoch = random_.below(6) == 0 ? Epoch{instance.epoch.value - 1} : instance.epoch;
    event.state = static_cast<InstanceState>(random_.below(6));
    event.frames = static_cast<std::uint32_t>(random_.below(20));
    event.execute_us_mean = static_cast<std::uint32_t>(random_.below(30'000));
    region_.handle(NodeEventReceived{node_id(name), event});
  }

  void build() {
    const Digest module = digest_of(static_cast<std::uint8_t>(1 + random_.below(3)));
    const std::string target = random_.below(2) == 0 ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
    if (random_.below(4) == 0) region_.handle(BuildFailed{module, target, "scalar", "random"});
    else region_.handle(ObjectBuilt{module, target, "scalar", digest_of(9)});
  }

  void one_reply() {
    const auto replies = std::count_if(region_.out.begin(), region_.out.end(),
                                       [](const Effect& e) { return std::holds_alternative<Reply>(e); });
    BOOST_REQUIRE(replies == 1);
  }

  /// Whether a node is feasible by the coordinator's own words.
  bool could_serve(const TaskView& task) {
    const auto decision = region_.coordinator.explain(task.id);
    return std::any_of(decision->candidates.begin(), decision->candidates.end(), [](const Candidate& c) { return c.feasible; });
  }

  void check() {
    std::map<std::pair<TaskId, Epoch>, InstanceId> places;
    std::set<InstanceId> running;
    for (const NodeView& node : region_.coordinator.nodes()) {
      std::uint64_t memory = 0;
      BOOST_REQUIRE(node.instances.size() <= limits::instances_per_node);
      for (const InstanceView& view : node.instances) {
        const auto& desired = view.desired;
        memory += desired.memory_mib;
        BOOST_REQUIRE(running.insert(desired.instance).second);
        BOOST_REQUIRE(places.emplace(std::pair(desired.task, desired.epoch), desired.instance).second);
        // An instance that is new has an epoch above all that its task had.
        if (seen_.insert(desired.instance).second) {
          BOOST_REQUIRE((desired.epoch > highest_before_[desired.task]));
        }
      }
      BOOST_REQUIRE(memory <= node.birth.memory_mib);
    }
    for (const TaskView& task : region_.coordinator.tasks()) check(task, running);
  }

  void check(const TaskView& task, const std::set<InstanceId>& running) {
    BOOST_REQUIRE((task.highest_epoch >= highest_before_[task.id]));
    highest_before_[task.id] = task.highest_epoch;
    const bool over = task.state == TaskState::refused || task.state == TaskState::stopped;
    if (over) BOOST_REQUIRE(!task.serving && !task.standby && !task.reason.empty());
    if (task.state == TaskState::placed && task.serving) placements_ += 1;
    if (task.serving && task.standby) BOOST_REQUIRE((task.serving->node != task.standby->node));
    if (task.standby) {
      BOOST_REQUIRE(task.serving.has_value());
      BOOST_REQUIRE(running.contains(task.standby->instance));
      BOOST_REQUIRE((task.standby->epoch > task.serving->epoch));
      BOOST_REQUIRE((region_.coordinator.node(task.standby->node)->state == NodeState::present));
    }
    if (task.first && !task.first->serving)
      for (const Candidate& candidate : task.first->candidates) BOOST_REQUIRE(!candidate.blocked.empty());
    if (task.first && task.first->standby) BOOST_REQUIRE(task.first->serving.has_value());
    if (task.state == TaskState::placed && task.serving && random_.below(8) == 0) {
      const auto now = region_.coordinator.explain(task.id);
      BOOST_REQUIRE((now->serving == task.serving->node));
    }
  }

  Prng random_;
  Region region_;
  std::vector<LabNode> lab_;
  std::vector<TaskId> tasks_;
  std::set<InstanceId> seen_;
  std::map<TaskId, Epoch> highest_before_;
  std::size_t placements_ = 0;
};

BOOST_AUTO_TEST_SUITE(random_events)

BOOST_AUTO_TEST_CASE(the_invariants_hold_in_thousands_of_lives) {
  std::size_t placements = 0;
  for (std::uint64_t seed = 1; seed <= 2'500; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Life life(seed);
      for (int i = 0; i < 100; ++i) life.step();
      if (seed % 10 == 0) life.heal();
      placements += life.placements();
    }
  }
  BOOST_TEST(placements > 10'000U);  // the lives are not all misery
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_digests_at_each_step) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Life one(seed);
    Life other(seed);
    for (int i = 0; i < 100; ++i) {
      one.step();
      other.step();
      BOOST_REQUIRE_MESSAGE(one.digest() == other.digest(), "seed " << seed << ", step " << i);
    }
    digests.insert(one.digest());
  }
  BOOST_TEST(digests.size() == 100U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

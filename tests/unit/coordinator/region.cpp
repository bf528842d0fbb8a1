#include "tests/unit/coordinator/region.hpp"

#include <algorithm>
#include <stdexcept>

namespace proxima::coordinator::test {

std::vector<LabNode> default_lab() {
  return {{"kitchen-router", 1.6, 0.3, 300, 64, {}},
          {"neighbour-router", 3.1, 0.1, 100, 64, {}},
          {"phone", 4.1, 2.0, 20, 256, {"vision"}},
          {"idle-rig", 8.1, 0.1, 940, 4096, {"vision"}},
          {"rack-cloud", 45.1, 0.1, 1000, 16384, {"vision"}}};
}

NodeId node_id(std::string_view name) {
  NodeId id;
  for (std::size_t i = 0; i < name.size() && i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(name[i]);
  return id;
}

Digest digest_of(std::uint8_t byte) {
  Digest out;
  out.bytes.fill(byte);
  return out;
}

TaskRequested motion() {
  TaskRequested out;
  out.spec.name = "motion";
  out.spec.version = "0.1.0";
  out.spec.module = digest_of(1);
  out.spec.contract.deadline_ms = 20;
  out.spec.contract.rate_hz = 30;
  out.frame_bytes = 76'800;
  out.lease_ms = 5'000;
  return out;
}

TaskRequested detect() {
  TaskRequested out = motion();
  out.spec.name = "detect";
  out.spec.module = digest_of(2);
  out.spec.contract.deadline_ms = 250;
  out.spec.contract.rate_hz = 4;
  out.spec.functions = {"vision"};
  out.frame_bytes = 79'000;
  return out;
}

Region::Region(const CoordinatorOptions& options) : coordinator(options) {}

void Region::note() {
  for (const Effect& effect : out) {
    if (const auto* sent = std::get_if<SendDesired>(&effect)) {
      desired[sent->node] = sent->desired;
      ++wishes_sent;
    }
  }
}

void Region::handle(const Event& event) {
  out.clear();
  coordinator.handle(event, now, out);
  note();
}

void Region::pass(Duration time) {
  const Instant end = now + time;
  while (coordinator.next_deadline() <= end) {
    now = std::max(now, coordinator.next_deadline());
    out.clear();
    coordinator.on_time(now, out);
    note();
    if (coordinator.next_deadline() <= now) throw std::runtime_error("on_time left a deadline that has passed");
  }
  now = end;
}

void Region::pass_with_beats(Duration time, const std::vector<std::string>& beating) {
  const Instant end = now + time;
  while (now < end) {
    pass(std::min(Duration::seconds(1), end - now));
    for (const std::string& node : beating) beat(node);
  }
}

void Region::birth(const LabNode& node, std::uint64_t incarnation) {
  protocol::Birth birth;
  birth.incarnation = incarnation;
  birth.name = node.name;
  birth.target = node.target;
  birth.device_class = node.device_class;
  birth.isolation = node.isolation;
  birth.memory_mib = node.memory_mib;
  birth.cpu_percent = node.cpu_percent;
  birth.functions = node.functions;
  birth.benchmark_us = node.benchmark_us;
  birth.frames_endpoint = "127.0.0.1:1";
  birth.echo_endpoint = "127.0.0.1:2";
  handle(PresenceReceived{node_id(node.name), birth});
}

void Region::births(const std::vector<LabNode>& lab) {
  for (const LabNode& node : lab) birth(node);
}

void Region::lose(const std::string& node, std::uint64_t incarnation) {
  handle(PresenceReceived{node_id(node), protocol::Lost{incarnation}});
}

void Region::beat(const std::string& node, std::uint64_t incarnation) {
  protocol::Beat beat;
  beat.incarnation = incarnation;
  beat.sequence = ++beats_[node];
  beat.applied_generation = desired[node_id(node)].generation;
  handle(BeatReceived{node_id(node), beat});
}

void Region::report(const std::string& node, InstanceId instance, Epoch epoch, protocol::InstanceState state,
                    std::uint64_t incarnation) {
  protocol::InstanceReport report;
  report.incarnation = incarnation;
  report.instance = instance;
  report.epoch = epoch;
  report.state = state;
  report.reason = "a trap: out of bounds";
  handle(NodeEventReceived{node_id(node), report});
}

TaskId Region::request(TaskRequested request) {
  request.request = RequestId{++requests_};
  handle(request);
  return reply<TaskAccepted>().task;
}

std::vector<Grant> Region::measure(TaskId task, const std::vector<LabNode>& lab) {
  MeasurementsReported event{RequestId{++requests_}, task, {}};
  for (const LabNode& node : lab)
    event.nodes.push_back({node_id(node.name), true, node.rtt_ms, node.rtt_error_ms, node.rate_mbit, node.rate_mbit / 100});
  handle(event);
  return reply<TrialsWanted>().trials;
}

TaskView Region::try_out(TaskId task, const std::vector<Grant>& trials, const std::map<std::string, double>& execute_ms) {
  TrialsReported event{RequestId{++requests_}, task, {}};
  for (const Grant& grant : trials) {
    const double ms = execute_ms.at(grant.node_name);
    event.trials.push_back({grant.instance, grant.epoch, true, {}, {ms, ms, ms * 1.3}, {0, 0, 0}});
  }
  handle(event);
  return this->task(reply<TaskAnswer>().task);
}

TaskView Region::run(const TaskRequested& request, const std::vector<LabNode>& lab, double execute_ms) {
  const TaskId task = this->request(request);
  const std::vector<Grant> trials = measure(task, lab);
  std::map<std::string, double> times;
  for (const LabNode& node : lab) times[node.name] = execute_ms;
  return try_out(task, trials, times);
}

TaskView Region::take_over(TaskId task, Epoch to, const std::string& reason) {
  handle(TakeoverReported{RequestId{++requests_}, task, to, reason});
  return this->task(reply<TaskAnswer>().task);
}

TaskView Region::lose_standby(TaskId task, Epoch epoch) {
  handle(StandbyLost{RequestId{++requests_}, task, epoch});
  return this->task(reply<TaskAnswer>().task);
}

const std::vector<protocol::DesiredInstance>& Region::desired_on(const std::string& node) {
  return desired[node_id(node)].instances;
}

const Candidate& row(const Decision& decision, std::string_view name) {
  const auto found = std::find_if(decision.candidates.begin(), decision.candidates.end(),
                                  [&](const Candidate& c) { return c.name == name; });
  if (found == decision.candidates.end()) throw std::runtime_error("no candidate " + std::string(name));
  return *found;
}

std::string blocks(const Candidate& candidate) {
  std::string out;
  for (const Blocked& blocked : candidate.blocked) out += (out.empty() ? "" : ",") + std::string(to_text(blocked.what));
  return out;
}

}  // namespace proxima::coordinator::test

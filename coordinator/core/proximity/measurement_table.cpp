#include "coordinator/core/proximity/measurement_table.hpp"

#include <algorithm>

#include "common/protocol/limits.hpp"
#include "coordinator/core/fingerprint_of.hpp"

namespace proxima::coordinator {
namespace {

constexpr double rtt_error_floor_ms = 0.1;
constexpr double largest = 1e9;  // milliseconds or Mbit/s: beyond any link

bool in_range(double value, double lowest) { return value >= lowest && value <= largest; }  // false for NaN

}  // namespace

Result<void> check(const std::vector<NodeMeasurement>& nodes) {
  const std::string hint = "send what was measured, in milliseconds and Mbit/s";
  if (nodes.size() > limits::candidates)
    return fail("too many measurements", "a task is judged on at most " + std::to_string(limits::candidates) + " nodes",
                "send the nearest ones");
  for (const NodeMeasurement& m : nodes) {
    const std::string what = "cannot use the measurement of node " + to_text(m.node);
    if (m.reachable && (!in_range(m.rtt_ms, 0) || !in_range(m.rtt_error_ms, 0)))
      return fail(what, "rtt_ms or rtt_error_ms is negative, not finite or absurdly large", hint);
    if (m.rate_mbit && (!in_range(*m.rate_mbit, 1e-6) || !in_range(m.rate_error_mbit, 0)))
      return fail(what, "rate_mbit is not above 0, or its error is negative or not finite", hint);
  }
  return {};
}

void MeasurementTable::apply(TaskId task, const std::vector<NodeMeasurement>& nodes) {
  auto& known = tasks_[task];
  for (NodeMeasurement m : nodes) {
    m.rtt_error_ms = std::max(m.rtt_error_ms, rtt_error_floor_ms);
    const auto found = known.find(m.node);
    if (found == known.end()) {
      if (known.size() < limits::candidates) known.emplace(m.node, m);
      continue;
    }
    if (m.reachable && !m.rate_mbit) {
      m.rate_mbit = found->second.rate_mbit;
      m.rate_error_mbit = found->second.rate_error_mbit;
    }
    found->second = m;
  }
}

const NodeMeasurement* MeasurementTable::find(TaskId task, const NodeId& node) const {
  const auto of_task = tasks_.find(task);
  if (of_task == tasks_.end()) return nullptr;
  const auto found = of_task->second.find(node);
  return found == of_task->second.end() ? nullptr : &found->second;
}

void MeasurementTable::fingerprint(Fingerprint& print) const {
  for (const auto& [task, nodes] : tasks_) {
    mix(print, task);
    mix_count(print, nodes.size());
    for (const auto& [node, m] : nodes) {
      mix(print, node);
      print.add(m.reachable);
      print.add(m.rtt_ms);
      print.add(m.rtt_error_ms);
      mix(print, m.rate_mbit);
      print.add(m.rate_error_mbit);
    }
  }
}

}  // namespace proxima::coordinator

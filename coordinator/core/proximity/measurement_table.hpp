// The freshest thing each client measured of each node, per task: proximity is a matter between a source and a node.
// Owned by the coordinator's core, on its thread.
#pragma once

#include <map>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "coordinator/core/decision.hpp"

namespace proxima::coordinator {

/// Refuses figures that no measurement gives: not finite, negative, a rate of 0, more nodes than one task is judged on.
[[nodiscard]] Result<void> check(const std::vector<NodeMeasurement>& nodes);

class MeasurementTable {
 public:
  /// Takes checked measurements. A node measured anew without a rate keeps its last rate: nothing fresher is known of it.
  /// Errors of a round trip below 0.1 ms are raised to it.
  void apply(TaskId task, const std::vector<NodeMeasurement>& nodes);
  void forget(TaskId task) { tasks_.erase(task); }

  /// nullptr where the task's client told nothing of the node.
  [[nodiscard]] const NodeMeasurement* find(TaskId task, const NodeId& node) const;
  void fingerprint(Fingerprint& print) const;

 private:
  std::map<TaskId, std::map<NodeId, NodeMeasurement>> tasks_;
};

}  // namespace proxima::coordinator

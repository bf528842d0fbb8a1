// What a placement is decided from: one value, so that decide() and explain() cannot see different worlds.
// Built by the coordinator for each decision; the planner only reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/task_spec.hpp"
#include "coordinator/core/coordinator.hpp"
#include "coordinator/core/decision.hpp"

namespace proxima::coordinator {

/// How long one frame of a task takes on a node.
struct ServiceEstimate {
  enum class Basis : std::uint8_t {
    unknown,       ///< nobody ran this task
    scaled,        ///< other device classes ran it: theirs, scaled by the benchmark
    device_class,  ///< learnt on a node of this class, or shared with it
    own,           ///< learnt on this node, beyond both errors of its class
  };
  Basis basis = Basis::unknown;
  double mean_ms = 0;
  double error_ms = 0;

  [[nodiscard]] bool known() const { return basis != Basis::unknown; }
  [[nodiscard]] bool learnt() const { return basis == Basis::device_class || basis == Basis::own; }
};

/// One node as one task sees it. Instances of the task itself are left out of load, memory and count.
struct NodeFacts {
  NodeId id;
  std::string name;
  NodeState state = NodeState::present;
  std::string target;
  std::string device_class;                  ///< with the owner's share of the CPU: nodes that share a service estimate
  std::optional<std::string> build_error;    ///< there is no object for its target
  protocol::Isolation isolation = protocol::Isolation::none;
  std::vector<std::string> functions;
  double memory_left_mib = 0;                ///< of the owner's gift, after what is desired there
  std::uint32_t instances = 0;               ///< desired there
  std::optional<std::string> owner_refusal;  ///< the node would not run an instance of this task, and has to be left alone for now
  std::optional<std::string> failure;        ///< an instance of this task failed there, or its stream just left it
  std::optional<NodeMeasurement> measured;
  ServiceEstimate service;
  double load = 0;                           ///< share of its time that instances desired there need; 1: all of it
  double load_error = 0;
  std::uint32_t failures = 0;                ///< reliability: instances of any task that failed there
  std::uint32_t losses = 0;                  ///< availability: times that it was gone
};

struct PlacementView {
  protocol::TaskSpec spec;
  std::uint32_t frame_bytes = 0;
  bool estimates_allowed = false;            ///< nodes whose service time is only scaled may be chosen
  std::optional<NodeId> keep_serving;        ///< the choice is made; the stream stays
  std::optional<NodeId> keep_standby;
  std::vector<NodeFacts> nodes;              ///< by id
};

}  // namespace proxima::coordinator

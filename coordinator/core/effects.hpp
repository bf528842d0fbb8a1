// All that a coordinator can ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/protocol/control.hpp"
#include "coordinator/core/decision.hpp"
#include "coordinator/core/events.hpp"

namespace proxima::coordinator {

/// Publish this as the node's whole desired state.
struct SendDesired { NodeId node; protocol::Desired desired; };

/// Have the builder make this object; asked once per key until it is built or failed.
struct RequestBuild { Digest module; std::string target; std::string variant; std::uint32_t memory_mib = 0; };

/// A node to measure: where its echo and its data plane are.
struct ProbeTarget {
  NodeId node;
  std::string name;
  std::string frames_endpoint;
  std::string echo_endpoint;
  bool transfer_useful = true;         ///< false: a constraint that no measurement can change already fails
};

/// A right to use one instance.
struct Grant {
  NodeId node;
  std::string node_name;
  InstanceId instance;
  Epoch epoch;
  protocol::Role role = protocol::Role::serving;
  std::string frames_endpoint;
  std::vector<std::uint8_t> ticket;
};

/// TaskRequested → whom to measure.
struct TaskAccepted { TaskId task; std::vector<ProbeTarget> targets; };
/// MeasurementsReported → who shall run the first frame (empty: all is known, report no trials to get the decision).
struct TrialsWanted { TaskId task; std::vector<Grant> trials; };
/// TrialsReported, TakeoverReported, StandbyLost, ClientReport → the task as it stands: read it through Coordinator::task().
struct TaskAnswer { TaskId task; };
/// The request cannot be served. `code` is the HTTP status the driver answers with.
struct RequestRefused { std::uint16_t code = 400; std::string what; std::string why; std::string hint; };

struct Reply {
  RequestId request;
  std::variant<TaskAccepted, TrialsWanted, TaskAnswer, RequestRefused> body;
};

/// Something that people and clients watch has changed.
struct TaskChanged { TaskId task; };
struct NodeChanged { NodeId node; };

using Effect = std::variant<SendDesired, RequestBuild, Reply, TaskChanged, NodeChanged>;
using Effects = std::vector<Effect>;

}  // namespace proxima::coordinator

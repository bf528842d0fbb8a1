// All that can happen to a coordinator. The driver logs these: that log is the replay file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/task_spec.hpp"
#include "coordinator/core/decision.hpp"

namespace proxima::coordinator {

/// Names one request of a client, so that its answer finds it. Given by the driver; each gets exactly one Reply.
struct RequestId {
  std::uint64_t value = 0;
  auto operator<=>(const RequestId&) const = default;
};

// From the broker.
struct PresenceReceived { NodeId node; protocol::Presence presence; };
struct BeatReceived { NodeId node; protocol::Beat beat; };
struct NodeEventReceived { NodeId node; protocol::NodeEvent event; };
struct BrokerLinkChanged { bool up = false; };

// From the builder.
struct ObjectBuilt { Digest module; std::string target; std::string variant; Digest object; };
struct BuildFailed { Digest module; std::string target; std::string variant; std::string reason; };

// From clients, over HTTP.
struct TaskRequested {
  RequestId request;
  protocol::TaskSpec spec;
  bool dry_run = false;                ///< a plan: measured, tried, judged, then forgotten
  std::uint32_t frame_bytes = 0;       ///< size of the client's first frame
  std::uint32_t lease_ms = 0;          ///< stop the task when its client is silent for longer; 0: never
};
struct MeasurementsReported { RequestId request; TaskId task; std::vector<NodeMeasurement> nodes; };
struct TrialsReported { RequestId request; TaskId task; std::vector<TrialResult> trials; };
/// The client follows the standby: its serving session died. Idempotent.
struct TakeoverReported { RequestId request; TaskId task; Epoch to; std::string reason; };
/// The client's session to the standby died.
struct StandbyLost { RequestId request; TaskId task; Epoch epoch; };
/// Renews the lease and tells the truth beside the prediction. Figures over the last second or so.
struct ClientReport {
  RequestId request;
  TaskId task;
  std::uint32_t frames = 0;
  std::uint32_t late = 0;
  double e2e_p50_ms = 0;
  double e2e_p95_ms = 0;
  double network_p50_ms = 0;
};
struct StopRequested { RequestId request; TaskId task; std::string reason; };

using Event = std::variant<PresenceReceived, BeatReceived, NodeEventReceived, BrokerLinkChanged, ObjectBuilt, BuildFailed,
                           TaskRequested, MeasurementsReported, TrialsReported, TakeoverReported, StandbyLost,
                           ClientReport, StopRequested>;

}  // namespace proxima::coordinator

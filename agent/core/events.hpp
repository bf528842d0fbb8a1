// All that can happen to an agent. The driver logs these: that log is the replay file.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/base/ids.hpp"
#include "common/protocol/control.hpp"
#include "common/protocol/frames.hpp"

namespace proxima::agent {

/// One life of an instance: what a worker, a lane of frames and a report belong to.
struct InstanceKey {
  InstanceId instance;
  Epoch epoch;
  auto operator<=>(const InstanceKey&) const = default;
};

/// A client's connection on the data plane: opaque bytes that the socket gave.
struct PeerId {
  std::string bytes;
  auto operator<=>(const PeerId&) const = default;
};

/// Names one received frame, so that its payload is found again. Given by the driver, from 1, never used twice.
struct FrameToken {
  std::uint64_t value = 0;
  auto operator<=>(const FrameToken&) const = default;
};

// From the broker.
struct BrokerConnected {};
struct BrokerLost {};
struct DesiredReceived { protocol::Desired desired; };

// From the fetcher.
struct ObjectReady { InstanceKey key; std::string path; };
/// `final`: asking again cannot help (the build failed, the bytes are not what their digest says).
struct ObjectUnavailable { InstanceKey key; bool final = false; std::string reason; };

// From the workers.
struct WorkerReady {
  InstanceKey key;
  std::uint32_t worker_pid = 0;
  std::uint32_t host_pid = 0;
  protocol::Isolation isolation = protocol::Isolation::none;
};
/// `culprit`: the frame that was being executed (0: none); `by_task`: the task brought it about (trap, hang, forbidden
/// call), so that the same frame would do it again elsewhere.
struct WorkerGone { InstanceKey key; std::string reason; FrameToken culprit; bool by_task = false; };
struct FrameDone {
  InstanceKey key;
  FrameToken token;
  bool ok = false;
  std::int32_t code = 0;
  std::uint32_t executed_us = 0;
  std::uint32_t cpu_us = 0;  ///< what it cost of the CPU
};

// From clients.
struct ClientSaid { PeerId peer; FrameToken token; protocol::ClientMessage message; std::uint32_t payload_bytes = 0; };
/// Bytes that are no message; reason: the decoder's.
struct ClientGarbled { PeerId peer; std::string reason; };
/// A message could not be sent: the connection is gone, or the client reads too slowly.
struct ClientUnreachable { PeerId peer; };

/// The daemon was asked to end: all instances stop, the region is told.
struct LeaveRequested {};

using Event = std::variant<BrokerConnected, BrokerLost, DesiredReceived, ObjectReady, ObjectUnavailable, WorkerReady,
                           WorkerGone, FrameDone, ClientSaid, ClientGarbled, ClientUnreachable, LeaveRequested>;

}  // namespace proxima::agent

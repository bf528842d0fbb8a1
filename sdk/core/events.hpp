// All that can happen to a stream on the client. The driver (sdk/src) makes these on its loop thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/frames.hpp"

namespace proxima::stream {

/// One connection to one instance, numbered by the core; never used twice within a stream.
struct SessionId {
  std::uint32_t value = 0;
  auto operator<=>(const SessionId&) const = default;
};

/// The right to use one instance, as the coordinator gave it.
struct Grant {
  std::string node_name;
  InstanceId instance;
  Epoch epoch;
  std::string endpoint;                ///< of its data plane: "127.0.0.1:4000"
  std::vector<std::uint8_t> ticket;
  Duration transfer;                   ///< what one frame takes on the way there as measured; 0: not known
};

/// The caller has a frame; the driver keeps its payload until FrameEnded.
struct FrameSubmitted {
  std::uint64_t sequence = 0;          ///< from 1, each one larger than all before
  std::uint32_t bytes = 0;
  protocol::FrameFormat format = protocol::FrameFormat::bytes;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  Instant at;                          ///< when the caller handed it over
};

/// The socket took no more: the frame did not leave.
struct SendRefused {
  SessionId session;
  std::uint64_t sequence = 0;
};

struct SessionConnected { SessionId session; };
struct SessionDisconnected { SessionId session; };
/// An attempt to connect failed; the socket tries again by itself.
struct SessionRefused { SessionId session; };
struct MessageReceived { SessionId session; protocol::AgentMessage message; };

/// The coordinator's view of the task: the first grants, and each change.
struct TaskUpdated {
  std::optional<Grant> serving;
  std::optional<Grant> standby;
  bool ended = false;                  ///< stopped or refused: no instance will serve it again
  std::string reason;
};

/// The caller is done: what is still unanswered counts as lost.
struct CloseRequested {};

using Event = std::variant<FrameSubmitted, SendRefused, SessionConnected, SessionDisconnected, SessionRefused,
                           MessageReceived, TaskUpdated, CloseRequested>;

}  // namespace proxima::stream

// Messages between client and agent, over ZeroMQ (DEALER → ROUTER). Each is one header part, and for Frame, Result and
// Transfer one payload part. No clock crosses: only durations and what is left of a deadline.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/protocol/task_spec.hpp"

namespace proxima::protocol {

inline constexpr std::uint16_t data_plane_version = 1;

/// Opens a session on one instance. Repeated after a reconnect; idempotent.
struct Hello {
  std::uint16_t version = data_plane_version;
  std::uint32_t capabilities = 0;
  InstanceId instance;
  Epoch epoch;
  std::vector<std::uint8_t> ticket;      ///< opaque to the client, at most limits::ticket_bytes
};

/// The instance is ready and takes `credit` frames beyond those answered.
struct Welcome {
  std::uint16_t version = data_plane_version;
  std::uint32_t capabilities = 0;
  InstanceId instance;
  Epoch epoch;
  std::uint32_t credit = 0;
  std::uint32_t max_frame_bytes = 0;
};

enum class RefusalCode : std::uint8_t {
  version = 1,           ///< no common version
  unknown_instance = 2,  ///< not here (never was, or no longer)
  stale_epoch = 3,       ///< the instance runs under a higher epoch
  not_ready = 4,         ///< still starting: say hello again
  failed = 5,            ///< the instance failed; reason says why
  too_large = 6,
  too_many = 7,          ///< more sessions or frames than allowed
  bad_message = 8,
  ticket = 9,
};

/// Answers a Hello or a Frame that cannot be served, or ends a session (sequence 0).
struct Refused {
  RefusalCode code = RefusalCode::bad_message;
  InstanceId instance;
  Epoch epoch;                           ///< the one that is obeyed here, 0 if none
  std::uint64_t sequence = 0;
  std::string reason;
};

struct Frame {
  InstanceId instance;
  Epoch epoch;
  std::uint64_t sequence = 0;            ///< from 1, per stream
  std::uint32_t deadline_left_us = 0;    ///< at the moment of sending; 0: none
  bool trial = false;                    ///< run, answer, count nowhere
  bool resend = false;                   ///< was in flight at a fault: runs even past its deadline
  FrameFormat format = FrameFormat::bytes;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::uint32_t key_id = 0;              ///< of the seal; 0: not sealed
  std::uint64_t tag_high = 0;            ///< room for the seal's tag
  std::uint64_t tag_low = 0;
  std::vector<std::uint8_t> ticket;      ///< reference, at most limits::ticket_bytes; empty within a session
};

enum class ResultStatus : std::uint8_t { ok = 0, failed = 1, dropped_late = 2 };

struct ResultHeader {
  InstanceId instance;
  Epoch epoch;
  std::uint64_t sequence = 0;
  ResultStatus status = ResultStatus::ok;
  bool trial = false;
  std::uint32_t queued_us = 0;           ///< received → handed to the worker
  std::uint32_t executed_us = 0;         ///< handed to the worker → answered by it
  std::uint32_t inside_us = 0;           ///< received → sent
  std::uint32_t credit = 0;              ///< frames that may be under way from now
  std::string reason;                    ///< for failed
};

/// Liveness of a session, answered by the agent's loop at once, whatever its workers do.
struct Ping {
  std::uint64_t token = 0;
};
struct Pong {
  std::uint64_t token = 0;
};

/// A frame-sized transfer to measure the rate: payload is thrown away and its size told.
struct Transfer {
  std::uint64_t token = 0;
};
struct TransferDone {
  std::uint64_t token = 0;
  std::uint32_t bytes = 0;
  std::uint32_t inside_us = 0;
};

struct Bye {
  InstanceId instance;
};

using ClientMessage = std::variant<Hello, Frame, Ping, Transfer, Bye>;
using AgentMessage = std::variant<Welcome, Refused, ResultHeader, Pong, TransferDone>;

/// UDP echo: exactly limits::echo_bytes both ways, the last 32 kept for authentication (zero until keys exist).
struct Echo {
  bool reply = false;
  std::uint64_t token = 0;               ///< the client's own; comes back unchanged
};

}  // namespace proxima::protocol

// All that a stream can ask of its driver.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/frames.hpp"
#include "sdk/core/events.hpp"

namespace proxima::stream {

/// Begin to connect; the driver answers with SessionConnected, SessionDisconnected, SessionRefused, MessageReceived.
struct OpenSession { SessionId session; std::string endpoint; };
/// Let go of the connection; nothing more is heard of it.
struct CloseSession { SessionId session; };
/// Send this; a Frame goes with the payload kept under its sequence.
struct SendMessage { SessionId session; protocol::ClientMessage message; };

/// How a frame ended. Every submitted frame ends exactly once.
enum class Outcome : std::uint8_t {
  ok,            ///< the task's result came: it is the payload of the message just received
  failed,        ///< the task, or its agent, said no; reason says why
  dropped_late,  ///< not sent, or not run, because its deadline had passed
  lost,          ///< no answer came, or it came after a later one had been delivered
};

struct FrameEnded {
  std::uint64_t sequence = 0;
  Outcome outcome = Outcome::lost;
  Instant submitted_at;
  std::string node_name;               ///< who answered; empty if nobody
  Epoch epoch;                         ///< of who answered, 0 if nobody
  std::uint32_t attempts = 0;          ///< how often it was sent
  bool late = false;                   ///< ok, but after its deadline
  std::uint32_t queued_us = 0;         ///< the agent's own figures
  std::uint32_t executed_us = 0;
  std::uint32_t inside_us = 0;
  std::string reason;
};

/// Tell the coordinator; it ratifies. Keep trying.
struct ReportTakeover { Epoch to; std::string reason; };
struct ReportStandbyLost { Epoch epoch; };
/// Ask the coordinator how the task stands; TaskUpdated follows.
struct AskTask {};

/// Something that people and logs want to know.
enum class NoteKind : std::uint8_t {
  opened,          ///< the first session takes frames
  standby_ready,   ///< the standby takes over from now if need be
  standby_lost,
  takeover,        ///< by ourselves: the serving session died
  move,            ///< as the coordinator asked
  stale_refused,   ///< a result of an old epoch came and was refused
  interrupted,     ///< nobody serves at present
  resumed,         ///< the serving instance answers again
  ended,           ///< the task is no more
};

struct Note {
  NoteKind kind = NoteKind::opened;
  std::string from;                    ///< node names
  std::string to;
  Epoch epoch;
  std::uint64_t sequence = 0;          ///< stale_refused: of the result
  std::uint32_t resent = 0;            ///< takeover, move: frames that were in flight
  std::string reason;
};

using Effect = std::variant<OpenSession, CloseSession, SendMessage, FrameEnded, ReportTakeover, ReportStandbyLost,
                            AskTask, Note>;
using Effects = std::vector<Effect>;

}  // namespace proxima::stream

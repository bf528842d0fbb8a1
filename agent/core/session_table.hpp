// Clients' sessions and the frames that wait or run: one lane for each instance that is ready, in it one queue for each
// session. A lane's worker has one frame in hand at a time; sessions of a lane take turns; every frame is answered, in
// the order in which its session sent it, so a frame that is late is dropped when its turn comes and not before.
// Pure; owned by the agent core. Payloads stay with the driver, which knows them by token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/core/figures.hpp"
#include "common/base/fingerprint.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/frames.hpp"

namespace proxima::agent {

inline constexpr std::size_t sessions_per_instance = 4;
/// Payload bytes that may wait in this agent, all instances together.
inline constexpr std::uint64_t waiting_bytes_max = 64U << 20U;
/// A silent session makes room for a new one after this: its client has gone, since a live one pings.
inline constexpr Duration session_silence = Duration::seconds(2);

/// How the instance that a client names stands here.
struct Standing {
  enum class Kind : std::uint8_t { unknown, coming, ready, failed } kind = Kind::unknown;
  Epoch epoch;          ///< the one obeyed here, 0 if none
  std::string reason;   ///< of failed
};

struct FrameCounts {
  std::uint64_t executed = 0;
  std::uint64_t failed = 0;
  std::uint64_t dropped_late = 0;
  std::uint64_t refused = 0;
  std::uint64_t sessions_lost = 0;   ///< clients that could not be reached
  std::uint64_t cpu_us = 0;          ///< spent by tasks on frames
};

class SessionTable {
 public:
  void open_lane(const InstanceKey& key, const protocol::InputSpec& input);
  /// Takes no more frames and lets go of those that wait; the one in hand may end. True if there is one.
  bool drain_lane(const InstanceKey& key, const std::string& reason, Effects& out);
  /// The worker is gone. A frame in hand that its task brought down is answered as failed; all sessions end.
  void close_lane(const WorkerGone& gone, protocol::RefusalCode code, Instant now, Effects& out);

  void hello(const PeerId& peer, const protocol::Hello& hello, const Standing& standing, Instant now, Effects& out);
  void frame(const PeerId& peer, FrameToken token, const protocol::Frame& frame, std::uint32_t bytes,
             const Standing& standing, Instant now, Effects& out);
  void bye(const PeerId& peer, InstanceId instance, Effects& out);
  void heard(const PeerId& peer, Instant now);
  void unreachable(const PeerId& peer, Effects& out);
  /// The worker answered. False if no such frame was in hand.
  bool done(const FrameDone& event, Instant now, Effects& out);

  [[nodiscard]] const Figures* figures(const InstanceKey& key) const;
  [[nodiscard]] const FrameCounts& counts() const { return counts_; }
  [[nodiscard]] std::size_t sessions() const;
  [[nodiscard]] std::size_t waiting(const InstanceKey& key) const;
  [[nodiscard]] std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] bool in_hand(const InstanceKey& key) const;
  void fingerprint(Fingerprint& into) const;

 private:
  struct Waiting {
    FrameToken token;
    protocol::Frame frame;
    std::uint32_t bytes = 0;
    Instant received;
    Instant deadline = Instant::never();
  };
  struct Session {
    std::deque<Waiting> queue;
    Instant last_heard;
  };
  struct InHand {
    PeerId peer;
    Waiting waiting;
    Instant handed;
  };
  struct Lane {
    protocol::InputSpec input;
    bool draining = false;
    std::map<PeerId, Session> sessions;
    std::optional<InHand> hand;
    PeerId last_turn;
    Figures figures;
  };
  using Lanes = std::map<InstanceKey, Lane>;

  [[nodiscard]] bool make_room(Lane& lane, Instant now, Effects& out);
  [[nodiscard]] std::optional<protocol::Refused> unfit(const Lane& lane, std::size_t under_way,
                                                       const protocol::Frame& frame, std::uint32_t bytes) const;
  void refuse(const PeerId& peer, protocol::Refused refused, Effects& out);
  void pump(const InstanceKey& key, Lane& lane, Instant now, Effects& out);
  void drop_late(const PeerId& peer, const Waiting& waiting, Instant now, Effects& out);
  void forget_queue(Session& session, Effects& out);
  void end_session(const InstanceKey& key, const PeerId& peer, Session& session, const protocol::Refused& why, Effects& out);

  Lanes lanes_;
  FrameCounts counts_;
  std::uint64_t waiting_bytes_ = 0;
};

/// The refusal that answers a client of this instance under this epoch; nullopt if it is served.
[[nodiscard]] std::optional<protocol::Refused> refusal_for(InstanceId instance, Epoch asked, const Standing& standing);

}  // namespace proxima::agent

// One session of a stream: how far the greeting is, its credit, and whether its agent is still heard. Owned by Stream.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/base/fingerprint.hpp"
#include "common/base/instant.hpp"
#include "sdk/core/events.hpp"

namespace proxima::stream {

/// Time in which this process really ran. Silence is counted in it, so that a client that was stopped or starved does
/// not blame the agent for its own absence.
class RunClock {
 public:
  /// To be called first at each event, with the deadline that had been asked for. Waking later than that by more than
  /// `slack` was our own fault: the excess does not count, and judging waits for `grace` of running time.
  void advance(Instant now, Instant expected);
  [[nodiscard]] Duration now() const { return run_; }
  /// Running time before which nobody may be called dead.
  [[nodiscard]] Duration judge_from() const { return judge_from_; }
  void fold(Fingerprint& into) const;

  static constexpr Duration slack = Duration::millis(10);
  static constexpr Duration grace = Duration::millis(50);

 private:
  std::optional<Instant> last_;
  Duration run_;
  Duration judge_from_;
};

enum class SessionState : std::uint8_t {
  connecting,  ///< no connection yet, or none any more
  greeting,    ///< connected, hello is being said
  ready,       ///< welcomed: frames may go
  dead,        ///< refused for good
};

/// How often the agent is asked for a sign of life, and how long it may stay silent.
struct PingPace {
  Duration interval;
  Duration patience;
};

class Session {
 public:
  Session(SessionId session_id, Grant grant, Duration run_now);

  SessionId id;
  Grant grant;
  SessionState state = SessionState::connecting;
  bool welcomed = false;               ///< ever
  bool reported_lost = false;          ///< of a standby: the coordinator was told
  std::uint32_t credit = 0;            ///< frames that may be under way
  Duration since;                      ///< running time at which the present state of not being ready began
  Instant hello_at = Instant::never(); ///< when to say hello (again)
  Instant ping_at = Instant::never();
  Instant blocked_until{};             ///< the socket was full
  Instant close_at = Instant::never(); ///< of a retired session

  /// Anything came: the agent lives. A pong also tells the round trip.
  void heard(const protocol::AgentMessage& message, Instant now);
  void ping_sent(std::uint64_t token, Instant now, Duration run_now);
  /// Forgets outstanding pings, as after a reconnect.
  void forget_pings();
  /// For how much longer it may stay silent; nullopt while nothing is owed. Not positive: too long.
  [[nodiscard]] std::optional<Duration> patience_left(Duration run_now, const PingPace& pace,
                                                      std::uint32_t in_flight) const;
  void fold(Fingerprint& into) const;

 private:
  std::optional<Duration> unanswered_since_;  // running time of the first ping since the last sign of life
  std::map<std::uint64_t, Instant> pings_;    // at most ping_memory: for the round trip
  Duration srtt_;
  Duration rttvar_;
  bool measured_ = false;

  static constexpr std::size_t ping_memory = 32;
};

}  // namespace proxima::stream

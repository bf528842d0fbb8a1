// The agent's side of its region: whom it obeys, and when it says what. Pure; owned by the agent core.
#pragma once

#include <cstdint>

#include "agent/core/effects.hpp"
#include "common/base/fingerprint.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/control.hpp"

namespace proxima::agent {

/// What a beat tells about the tasks.
struct Load {
  std::uint16_t instances = 0;
  std::uint16_t memory_mib_used = 0;
  std::uint32_t frames_executed = 0;  ///< since the start, wraps
  std::uint64_t cpu_us = 0;          ///< of the CPU, spent by tasks since the start
};

class RegionLink {
 public:
  RegionLink(protocol::Birth birth, Duration serving_beat, Duration idle_beat);

  /// True for a desired state that is newer than every one obeyed so far: a higher term, or within it a higher generation.
  [[nodiscard]] bool obeys(const protocol::Desired& desired);
  [[nodiscard]] std::uint64_t term() const { return term_; }

  /// A connection is there: says who this is.
  void connected(Effects& out);
  void lost() { connected_ = false; }
  [[nodiscard]] bool is_connected() const { return connected_; }
  /// A clean leave.
  void leave(Effects& out);

  /// Sends a beat now.
  void beat(const Load& load, Instant now, Effects& out);
  /// When the next one is due: never while there is no connection.
  [[nodiscard]] Instant next_beat(bool serving) const;

  [[nodiscard]] std::uint64_t incarnation() const { return birth_.incarnation; }
  void fingerprint(Fingerprint& into) const;

 private:
  protocol::Birth birth_;
  Duration serving_beat_;
  Duration idle_beat_;
  std::uint64_t term_ = 0;
  std::uint64_t generation_ = 0;
  bool obeyed_any_ = false;
  bool connected_ = false;
  std::uint32_t sequence_ = 0;
  Instant last_beat_;
  std::uint64_t cpu_us_told_ = 0;
};

}  // namespace proxima::agent

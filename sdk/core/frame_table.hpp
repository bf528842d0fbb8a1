// The frames of a stream that have no outcome yet, in order of sequence. Owned by Stream; payloads stay with the driver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/instant.hpp"
#include "sdk/core/events.hpp"

namespace proxima::stream {

struct OpenFrame {
  FrameSubmitted frame;
  Instant deadline = Instant::never();
  Instant lost_at;                     ///< without an answer by then it counts as lost
  bool in_flight = false;              ///< sent in the present epoch and unanswered
  bool resend = false;                 ///< was in flight at a fault: goes even past its deadline
  std::uint32_t attempts = 0;
};

class FrameTable {
 public:
  /// False if the sequence is not larger than all before: nothing was added.
  bool add(const FrameSubmitted& frame, Instant deadline, Instant lost_at);
  [[nodiscard]] OpenFrame* find(std::uint64_t sequence);
  /// The lowest frame that waits to be sent.
  [[nodiscard]] OpenFrame* next_waiting();
  void mark_sent(OpenFrame& frame);
  /// The socket did not take it.
  void mark_unsent(std::uint64_t sequence);
  void erase(std::uint64_t sequence);
  /// All that is in flight waits again, to be resent.
  void recall();
  /// Frames that wait to be resent.
  [[nodiscard]] std::uint32_t to_resend() const;
  /// Sequences that wait past their deadline, and those without an answer for too long.
  [[nodiscard]] std::vector<std::uint64_t> overdue(Instant now) const;
  [[nodiscard]] std::vector<std::uint64_t> given_up(Instant now) const;
  [[nodiscard]] std::vector<std::uint64_t> all() const;
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t size() const { return frames_.size(); }
  [[nodiscard]] bool empty() const { return frames_.empty(); }
  void fold(Fingerprint& into) const;

 private:
  std::map<std::uint64_t, OpenFrame> frames_;
  std::uint64_t highest_ = 0;
  std::uint32_t in_flight_ = 0;
};

}  // namespace proxima::stream

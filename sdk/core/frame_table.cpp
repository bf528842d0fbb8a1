#include "sdk/core/frame_table.hpp"

#include <algorithm>

namespace proxima::stream {

namespace {
bool waits_for_deadline(const OpenFrame& frame) { return !frame.in_flight && !frame.resend; }
}  // namespace

bool FrameTable::add(const FrameSubmitted& frame, Instant deadline, Instant lost_at) {
  if (frame.sequence <= highest_) return false;
  highest_ = frame.sequence;
  OpenFrame open;
  open.frame = frame;
  open.deadline = deadline;
  open.lost_at = lost_at;
  frames_.emplace(frame.sequence, open);
  return true;
}

OpenFrame* FrameTable::find(std::uint64_t sequence) {
  const auto found = frames_.find(sequence);
  return found == frames_.end() ? nullptr : &found->second;
}

OpenFrame* FrameTable::next_waiting() {
  for (auto& [sequence, frame] : frames_)
    if (!frame.in_flight) return &frame;
  return nullptr;
}

void FrameTable::mark_sent(OpenFrame& frame) {
  if (!frame.in_flight) ++in_flight_;
  frame.in_flight = true;
  ++frame.attempts;
}

void FrameTable::mark_unsent(std::uint64_t sequence) {
  OpenFrame* frame = find(sequence);
  if (frame == nullptr || !frame->in_flight) return;
  frame->in_flight = false;
  --frame->attempts;
  --in_flight_;
}

void FrameTable::erase(std::uint64_t sequence) {
  const auto found = frames_.find(sequence);
  if (found == frames_.end()) return;
  if (found->second.in_flight) --in_flight_;
  frames_.erase(found);
}

void FrameTable::recall() {
  for (auto& [sequence, frame] : frames_) {
    if (!frame.in_flight) continue;
    frame.in_flight = false;
    frame.resend = true;
  }
  in_flight_ = 0;
}

std::uint32_t FrameTable::to_resend() const {
  std::uint32_t count = 0;
  for (const auto& [sequence, frame] : frames_)
    if (!frame.in_flight && frame.resend) ++count;
  return count;
}

std::vector<std::uint64_t> FrameTable::overdue(Instant now) const {
  std::vector<std::uint64_t> out;
  for (const auto& [sequence, frame] : frames_)
    if (waits_for_deadline(frame) && frame.deadline <= now) out.push_back(sequence);
  return out;
}

std::vector<std::uint64_t> FrameTable::given_up(Instant now) const {
  std::vector<std::uint64_t> out;
  for (const auto& [sequence, frame] : frames_)
    if (frame.lost_at <= now) out.push_back(sequence);
  return out;
}

std::vector<std::uint64_t> FrameTable::all() const {
  std::vector<std::uint64_t> out;
  out.reserve(frames_.size());
  for (const auto& [sequence, frame] : frames_) out.push_back(sequence);
  return out;
}

Instant FrameTable::next_deadline() const {
  Instant next = Instant::never();
  for (const auto& [sequence, frame] : frames_) {
    next = std::min(next, frame.lost_at);
    if (waits_for_deadline(frame)) next = std::min(next, frame.deadline);
  }
  return next;
}

void FrameTable::fold(Fingerprint& into) const {
  into.add(highest_);
  for (const auto& [sequence, frame] : frames_) {
    into.add(sequence);
    into.add(frame.deadline.ns);
    into.add(frame.lost_at.ns);
    into.add(frame.in_flight);
    into.add(frame.resend);
    into.add(frame.attempts);
  }
}

}  // namespace proxima::stream

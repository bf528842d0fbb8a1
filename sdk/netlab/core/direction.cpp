#include "sdk/netlab/core/direction.hpp"

#include <algorithm>

namespace proxima::netlab {

namespace {

// Departures are decided up to this long ahead, so that a fast link needs one wake-up a millisecond for its queue and
// not one a piece. A change of rate is late by no more than this.
constexpr Duration look_ahead = Duration::millis(2);
constexpr double inverse_sqrt_2 = 0.70710678118654752;

}  // namespace

bool Direction::Later::operator()(const Travelling& a, const Travelling& b) const {
  return a.release != b.release ? a.release > b.release : a.order > b.order;
}

Direction::Direction(const LinkShape& shape, std::uint64_t seed) : shape_(shape), prng_(seed) {}

void Direction::add_bytes(std::uint64_t flow, std::size_t size, Instant now) {
  if (size == 0) return;
  flows_[flow].waiting += size;
  waiting_bytes_ += size;
  waiting_.push_back({flow, PieceKind::bytes, size, now});
}

void Direction::add_mark(std::uint64_t flow, PieceKind mark, Instant now) {
  flows_.try_emplace(flow);
  waiting_.push_back({flow, mark, 0, now});
}

bool Direction::add_datagram(std::uint64_t datagram, std::size_t size, Instant now) {
  if (cut_ || waiting_datagram_bytes_ + size > waiting_limit() || travelling_bytes_ + size > max_travelling_bytes) {
    return false;
  }
  waiting_bytes_ += size;
  waiting_datagram_bytes_ += size;
  waiting_.push_back({datagram, PieceKind::datagram, size, now});
  return true;
}

void Direction::take_due(Instant now, std::vector<Release>& out) {
  if (cut_) return;
  depart_until(now + look_ahead);
  while (!travelling_.empty() && travelling_.front().release <= now) {
    std::pop_heap(travelling_.begin(), travelling_.end(), Later{});
    const Travelling piece = travelling_.back();
    travelling_.pop_back();
    travelling_bytes_ -= piece.size;
    const bool of_flow = piece.kind != PieceKind::datagram && piece.kind != PieceKind::lost_datagram;
    if (of_flow && !flows_.contains(piece.id)) continue;  // forgotten while it travelled
    if (piece.kind == PieceKind::bytes && !out.empty() && out.back().kind == PieceKind::bytes &&
        out.back().id == piece.id) {
      out.back().size += piece.size;
    } else {
      out.push_back({piece.id, piece.kind, piece.size});
    }
  }
}

Instant Direction::next_deadline() const {
  Instant next = Instant::never();
  if (cut_) return next;
  if (!travelling_.empty()) next = travelling_.front().release;
  // Half of what was looked ahead is used up by then: a piece never gets its departure after it.
  if (!waiting_.empty()) {
    next = std::min(next, std::max(waiting_.front().arrival, busy_until_ - look_ahead / 2));
  }
  return next;
}

bool Direction::has_room(std::uint64_t flow) const {
  if (cut_ || travelling_bytes_ >= max_travelling_bytes) return false;
  const auto found = flows_.find(flow);
  return found == flows_.end() || found->second.waiting < waiting_limit();
}

void Direction::cut(std::vector<Release>& lost) {
  if (cut_) return;
  cut_ = true;
  std::deque<Waiting> held;
  std::sort(travelling_.begin(), travelling_.end(), [](const auto& a, const auto& b) { return Later{}(b, a); });
  for (const Travelling& piece : travelling_) {
    held.push_back({piece.id, piece.kind, piece.size, Instant{}});
    if (piece.kind == PieceKind::bytes) {
      if (const auto flow = flows_.find(piece.id); flow != flows_.end()) flow->second.waiting += piece.size;
    }
  }
  travelling_.clear();
  travelling_bytes_ = 0;
  held.insert(held.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  waiting_bytes_ = 0;
  waiting_datagram_bytes_ = 0;
  for (const Waiting& piece : held) {
    if (piece.kind == PieceKind::datagram || piece.kind == PieceKind::lost_datagram) {
      lost.push_back({piece.id, PieceKind::lost_datagram, piece.size});
    } else if (flows_.contains(piece.id)) {
      waiting_bytes_ += piece.size;
      waiting_.push_back(piece);
    }
  }
  for (auto& [id, flow] : flows_) flow.last_release = Instant{};
}

void Direction::heal(Instant now) {
  if (!cut_) return;
  cut_ = false;
  busy_until_ = now;
}

void Direction::forget(std::uint64_t flow) {
  if (flows_.erase(flow) == 0) return;
  const auto of_flow = [flow](const Waiting& piece) { return piece.kind != PieceKind::datagram && piece.id == flow; };
  for (const Waiting& piece : waiting_) {
    if (of_flow(piece)) waiting_bytes_ -= piece.size;
  }
  std::erase_if(waiting_, of_flow);
}

void Direction::depart_until(Instant limit) {
  while (!waiting_.empty()) {
    Waiting& front = waiting_.front();
    const Instant start = std::max(front.arrival, busy_until_);
    if (start > limit) return;
    const std::size_t size = front.kind == PieceKind::bytes ? std::min(front.size, max_piece_bytes) : front.size;
    depart(front.id, front.kind, size, start);
    front.size -= size;
    if (front.size == 0) waiting_.pop_front();
  }
}

void Direction::depart(std::uint64_t id, PieceKind kind, std::size_t size, Instant start) {
  const Instant departure = start + send_time(size);
  busy_until_ = departure;
  waiting_bytes_ -= size;
  Instant release = departure + draw_delay(departure);
  if (kind == PieceKind::datagram) {
    waiting_datagram_bytes_ -= size;
    if (draw_loss()) kind = PieceKind::lost_datagram;
  } else {
    Flow& flow = flows_[id];
    if (kind == PieceKind::bytes) {
      flow.waiting -= size;
      if (draw_loss()) release = release + Duration::from_ms(shape_.rtt_ms) + loss_extra_wait;
    }
    release = std::max(release, flow.last_release);
    flow.last_release = release;
  }
  travelling_bytes_ += size;
  travelling_.push_back({release, next_order_++, id, kind, size});
  std::push_heap(travelling_.begin(), travelling_.end(), Later{});
}

Duration Direction::draw_delay(Instant departure) {
  const std::int64_t index = departure.ns / jitter_period.ns;
  if (index != jitter_index_) {
    jitter_index_ = index;
    // The sum of twelve uniform numbers less six: variance 1, near enough to a normal one, and without libm.
    jitter_normal_ = -6.0;
    for (int i = 0; i < 12; ++i) jitter_normal_ += prng_.unit();
  }
  const double delay_ms = shape_.rtt_ms / 2.0 + shape_.jitter_ms * inverse_sqrt_2 * jitter_normal_;
  return Duration::from_ms(std::max(delay_ms, 0.0));
}

bool Direction::draw_loss() { return shape_.loss_percent > 0.0 && prng_.unit() * 100.0 < shape_.loss_percent; }

Duration Direction::send_time(std::size_t size) const {
  if (shape_.rate_mbit <= 0.0) return {};
  return Duration::nanos(static_cast<std::int64_t>(static_cast<double>(size) * 8000.0 / shape_.rate_mbit));
}

std::size_t Direction::waiting_limit() const {
  const double at_rate = shape_.rate_mbit * 1e6 / 8.0 * max_waiting_time.ms() / 1e3;
  return std::max(min_waiting_bytes, static_cast<std::size_t>(at_rate));
}

}  // namespace proxima::netlab

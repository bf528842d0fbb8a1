#include "tests/sim/network.hpp"

#include <algorithm>

namespace proxima::sim {

void Pipe::send(EventQueue::Action delivered) {
  if (closed_) return;
  last_due_ = std::max(last_due_, network_.queue_.now() + network_.delay(way_));
  under_way_.emplace_back(last_due_, std::move(delivered));
  network_.queue_.at(last_due_, [self = shared_from_this()] { self->pump(); });
}

void Pipe::close() {
  closed_ = true;
  under_way_.clear();
}

void Pipe::pump() {
  while (!under_way_.empty() && under_way_.front().first <= network_.queue_.now() && !network_.is_cut(way_)) {
    const EventQueue::Action next = std::move(under_way_.front().second);
    under_way_.pop_front();
    next();  // may close this pipe
  }
}

Duration Network::distance(Way way) const {
  const auto of = [this](Place place) {
    const auto found = distance_.find(place);
    return found == distance_.end() ? Duration{} : found->second;
  };
  return of(way.from) + of(way.to);
}

Duration Network::delay(Way way) {
  const Duration way_ns = distance(way);
  const auto jitter = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(way_ns.ns / 4) + 100'000));
  Duration out = way_ns + Duration::nanos(jitter);
  if (rng_.unit() < loss_) out = out + Duration::millis(static_cast<std::int64_t>(20 + rng_.below(200)));
  return out;
}

PipePtr Network::open(Way way) {
  std::erase_if(pipes_, [](const auto& pipe) { return pipe.expired(); });
  auto pipe = std::make_shared<Pipe>(*this, way);
  pipes_.push_back(pipe);
  return pipe;
}

void Network::cut(Way way) {
  if (!cuts_.try_emplace(way, ++cuts_made_).second) return;
  if (on_cut_) on_cut_(way);
}

void Network::heal(Way way) {
  if (cuts_.erase(way) == 0) return;
  const auto pipes = pipes_;  // what is delivered may open more
  for (const auto& weak : pipes)
    if (const PipePtr pipe = weak.lock(); pipe && pipe->way_ == way) pipe->pump();
}

void Network::heal_all() {
  while (!cuts_.empty()) heal(cuts_.begin()->first);
}

void Network::when_cut_for(Way way, Duration patience, EventQueue::Action expired) {
  const auto found = cuts_.find(way);
  if (found == cuts_.end()) return;
  queue_.in(patience, [this, way, since = found->second, expired = std::move(expired)] {
    const auto still = cuts_.find(way);
    if (still != cuts_.end() && still->second == since) expired();
  });
}

}  // namespace proxima::sim

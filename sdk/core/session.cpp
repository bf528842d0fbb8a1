#include "sdk/core/session.hpp"

#include <algorithm>
#include <utility>

namespace proxima::stream {

void RunClock::advance(Instant now, Instant expected) {
  if (!last_) {
    last_ = now;
    return;
  }
  const Duration step = std::max(now - *last_, Duration{});
  Duration counted = step;
  if (!expected.is_never()) {
    const Duration limit = std::max(expected - *last_, Duration{}) + slack;
    if (step > limit) {
      counted = limit;
      judge_from_ = run_ + counted + grace;
    }
  }
  run_ = run_ + counted;
  last_ = std::max(*last_, now);
}

void RunClock::fold(Fingerprint& into) const {
  into.add(run_.ns);
  into.add(judge_from_.ns);
}

Session::Session(SessionId session_id, Grant given, Duration run_now)
    : id(session_id), grant(std::move(given)), since(run_now) {}

void Session::heard(const protocol::AgentMessage& message, Instant now) {
  unanswered_since_.reset();
  const auto* pong = std::get_if<protocol::Pong>(&message);
  if (pong == nullptr) return;
  const auto found = pings_.find(pong->token);
  if (found == pings_.end()) return;
  const Duration rtt = now - found->second;
  pings_.erase(pings_.begin(), std::next(found));
  // The smoothing of RFC 6298, section 2.
  if (!measured_) {
    measured_ = true;
    srtt_ = rtt;
    rttvar_ = rtt / 2;
    return;
  }
  const Duration off = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
  rttvar_ = (rttvar_ * 3 + off) / 4;
  srtt_ = (srtt_ * 7 + rtt) / 8;
}

void Session::ping_sent(std::uint64_t token, Instant now, Duration run_now) {
  if (!unanswered_since_) unanswered_since_ = run_now;
  pings_[token] = now;
  if (pings_.size() > ping_memory) pings_.erase(pings_.begin());
}

void Session::forget_pings() {
  unanswered_since_.reset();
  pings_.clear();
}

std::optional<Duration> Session::patience_left(Duration run_now, const PingPace& pace, std::uint32_t in_flight) const {
  if (!unanswered_since_) return std::nullopt;
  // A pong queues behind frames on a thin line, so what is under way extends the patience.
  const Duration limit = pace.patience + srtt_ + rttvar_ * 4 + grant.transfer * static_cast<std::int64_t>(in_flight);
  return limit - (run_now - *unanswered_since_);
}

void Session::fold(Fingerprint& into) const {
  into.add(id.value);
  into.add(grant.instance.value);
  into.add(grant.epoch.value);
  into.add(static_cast<std::uint64_t>(state));
  into.add(welcomed);
  into.add(reported_lost);
  into.add(credit);
  into.add(since.ns);
  for (const Instant when : {hello_at, ping_at, blocked_until, close_at}) into.add(when.ns);
  into.add(unanswered_since_ ? unanswered_since_->ns : std::int64_t{-1});
  for (const auto& [token, at] : pings_) {
    into.add(token);
    into.add(at.ns);
  }
  into.add(srtt_.ns);
  into.add(rttvar_.ns);
}

}  // namespace proxima::stream

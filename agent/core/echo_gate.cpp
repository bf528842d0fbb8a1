#include "agent/core/echo_gate.hpp"

#include <algorithm>

namespace proxima::agent {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

TokenBucket::TokenBucket(std::uint32_t hz, Instant now) : hz_(hz), level_(hz_ * second_ns), at_(now) {}

bool TokenBucket::has_one(Instant now) {
  const std::int64_t passed = std::clamp<std::int64_t>((now - at_).ns, 0, second_ns);
  level_ = std::min(hz_ * second_ns, level_ + passed * hz_);
  at_ = std::max(at_, now);
  return level_ >= second_ns;
}

void TokenBucket::take() { level_ -= second_ns; }

EchoGate::EchoGate(const EchoLimits& limits, Instant now) : limits_(limits), overall_(limits.overall_hz, now) {}

bool EchoGate::admits(const std::string& source, Instant now) {
  if (!overall_.has_one(now)) return false;
  TokenBucket& own = bucket_of(source, now);
  if (!own.has_one(now)) return false;
  own.take();
  overall_.take();
  return true;
}

TokenBucket& EchoGate::bucket_of(const std::string& source, Instant now) {
  const auto found = sources_.find(source);
  if (found != sources_.end()) return found->second;
  if (sources_.size() >= limits_.sources) {
    const auto silent = std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
      return a.second.touched() < b.second.touched();
    });
    sources_.erase(silent);
  }
  return sources_.emplace(source, TokenBucket(limits_.per_source_hz, now)).first->second;
}

}  // namespace proxima::agent

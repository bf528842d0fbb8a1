// Decides which UDP echoes are answered, so that the responder is of no use to flood anybody: a token bucket for each
// source address and one for all. Pure; owned by the echo responder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "common/base/instant.hpp"

namespace proxima::agent {

struct EchoLimits {
  std::uint32_t per_source_hz = 200;  ///< and as many at once
  std::uint32_t overall_hz = 2000;    ///< and as many at once
  std::size_t sources = 256;          ///< remembered; beyond, the one that was silent longest is forgotten
};

/// Holds at most one second's worth. Counts in token-nanoseconds: whole numbers, the same everywhere.
class TokenBucket {
 public:
  TokenBucket(std::uint32_t hz, Instant now);
  [[nodiscard]] bool has_one(Instant now);
  void take();
  [[nodiscard]] Instant touched() const { return at_; }

 private:
  std::int64_t hz_;
  std::int64_t level_;  // in tokens × 1e9
  Instant at_;
};

class EchoGate {
 public:
  EchoGate(const EchoLimits& limits, Instant now);
  /// True if an echo of this source address is answered now.
  [[nodiscard]] bool admits(const std::string& source, Instant now);
  [[nodiscard]] std::size_t sources() const { return sources_.size(); }

 private:
  TokenBucket& bucket_of(const std::string& source, Instant now);
  EchoLimits limits_;
  TokenBucket overall_;
  std::map<std::string, TokenBucket> sources_;
};

}  // namespace proxima::agent

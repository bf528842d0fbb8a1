// What the owner gives, and whether one more instance fits into it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/control.hpp"

namespace proxima::agent {

/// The owner's limits, as the birth tells them to the region.
struct Offer {
  std::uint32_t memory_mib = 0;
  std::uint8_t cpu_percent = 100;  ///< of one core; held by the worker's rests, never a reason to refuse
  std::vector<std::string> functions;
  protocol::Isolation isolation = protocol::Isolation::none;
};

struct InUse {
  std::uint64_t memory_mib = 0;
  std::size_t instances = 0;
};

/// Why this instance may not run here, in words for the owner, all reasons at once; nullopt if it may.
[[nodiscard]] std::optional<std::string> refusal(const Offer& offer, const InUse& in_use,
                                                 const protocol::DesiredInstance& wanted);

}  // namespace proxima::agent

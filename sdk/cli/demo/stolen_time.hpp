// How much of a virtual machine's processor time its host gave to others: what makes frames late that no program delayed.
#pragma once

#include <cstdint>
#include <string_view>

namespace proxima::demo {

/// The first line of /proc/stat, summed over processors, in ticks.
struct ProcessorTicks {
  std::uint64_t total = 0;
  std::uint64_t stolen = 0;
};

/// All zero if the text is no such line.
[[nodiscard]] ProcessorTicks parse_processor_ticks(std::string_view stat);
/// Of this machine, now; all zero where /proc does not tell.
[[nodiscard]] ProcessorTicks processor_ticks();
/// 0 to 100; 0 if nothing passed between the two.
[[nodiscard]] double stolen_percent(const ProcessorTicks& before, const ProcessorTicks& after);

}  // namespace proxima::demo

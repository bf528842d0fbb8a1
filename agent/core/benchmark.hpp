// The reference kernel: a fixed piece of integer work whose time tells how fast a device is before any task ran on it.
// Pure: the caller reads the clock. Whole numbers only, so that every architecture does the same work.
#pragma once

#include <cstdint>

namespace proxima::agent {

/// Blurs, differences and thresholds pictures made from `seed`: the mix of loads, adds and branches that frame tasks have.
/// About 5 ms on a 2020 server core. The result depends on every step, so that no compiler can leave one out.
[[nodiscard]] std::uint64_t reference_kernel(std::uint64_t seed);

/// What the kernel must return for seed 1, on every machine.
inline constexpr std::uint64_t reference_kernel_of_one = 0xc8ecfbda9c095b74ULL;

/// The time that a task is to expect where the owner gives `cpu_percent` of a core: measured_us × 100 / cpu_percent.
[[nodiscard]] std::uint32_t scaled_benchmark_us(std::uint64_t measured_us, std::uint8_t cpu_percent);

}  // namespace proxima::agent

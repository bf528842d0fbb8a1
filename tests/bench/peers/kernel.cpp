#include "tests/bench/peers/kernel.hpp"

namespace proxima::bench {

Answer sum_frame(std::span<const std::uint8_t> frame) {
  Answer sums{};
  std::size_t i = 0;
  for (; i + 8 <= frame.size(); i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += frame[i + k];
  }
  for (; i < frame.size(); ++i) sums[i % 8] += frame[i];
  return sums;
}

}  // namespace proxima::bench

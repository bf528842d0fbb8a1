#include "agent/core/benchmark.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/prng.hpp"

namespace proxima::agent {
namespace {

constexpr std::size_t width = 320;
constexpr std::size_t height = 240;
constexpr int rounds = 16;

using Picture = std::vector<std::uint8_t>;

void blur(const Picture& from, Picture& to) {
  for (std::size_t y = 1; y + 1 < height; ++y) {
    for (std::size_t x = 1; x + 1 < width; ++x) {
      const std::size_t at = y * width + x;
      const unsigned sum = 4U * from[at] + 2U * (from[at - 1] + from[at + 1] + from[at - width] + from[at + width]) +
                           from[at - width - 1] + from[at - width + 1] + from[at + width - 1] + from[at + width + 1];
      to[at] = static_cast<std::uint8_t>(sum / 16U);
    }
  }
}

// Counts pixels that moved, and lets the background follow slowly: a running average in whole numbers.
std::uint64_t follow(const Picture& now, Picture& background) {
  std::uint64_t moved = 0;
  for (std::size_t at = 0; at < now.size(); ++at) {
    const int difference = static_cast<int>(now[at]) - static_cast<int>(background[at]);
    if (difference > 24 || difference < -24) ++moved;
    background[at] = static_cast<std::uint8_t>(static_cast<int>(background[at]) + difference / 8);
  }
  return moved;
}

}  // namespace

std::uint64_t reference_kernel(std::uint64_t seed) {
  Prng prng(seed);
  Picture picture(width * height);
  for (std::uint8_t& pixel : picture) pixel = static_cast<std::uint8_t>(prng.next() >> 56U);
  Picture blurred(picture.size());
  Picture background(picture.size());
  Fingerprint print;
  for (int round = 0; round < rounds; ++round) {
    blur(picture, blurred);
    print.add(follow(blurred, background));
    picture.swap(blurred);
    picture[prng.below(picture.size())] ^= 0xffU;
  }
  print.add_bytes(background);
  return print.value();
}

std::uint32_t scaled_benchmark_us(std::uint64_t measured_us, std::uint8_t cpu_percent) {
  const std::uint64_t scaled = measured_us * 100 / std::max<std::uint64_t>(cpu_percent, 1);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(scaled, 0xffffffffU));
}

}  // namespace proxima::agent

// What the trivial task computes (sdk/examples/trivial), compiled natively: the same work stands behind every peer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace proxima::bench {

inline constexpr std::size_t frame_width = 640;
inline constexpr std::size_t frame_height = 360;
inline constexpr std::size_t frame_bytes = frame_width * frame_height;

using Answer = std::array<std::uint64_t, 8>;
inline constexpr std::size_t answer_bytes = sizeof(Answer);
static_assert(answer_bytes == 64);

/// Eight sums over eight interleaved parts of the frame. Pure.
[[nodiscard]] Answer sum_frame(std::span<const std::uint8_t> frame);

}  // namespace proxima::bench

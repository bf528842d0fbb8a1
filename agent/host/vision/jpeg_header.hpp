// Reads a JPEG's size out of its header, so that a picture that claims to be huge is refused before a decoder allocates it.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace proxima::vision {

struct PictureSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

/// The size in the first frame header (ITU-T T.81, B.2.2) of a baseline, extended or progressive JPEG. Nothing for all else:
/// stricter than decoders, which skip garbage between segments, so that both read the same header.
[[nodiscard]] std::optional<PictureSize> jpeg_size(std::span<const std::uint8_t> bytes);

}  // namespace proxima::vision

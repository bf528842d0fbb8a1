#include "agent/host/vision/jpeg_header.hpp"

#include <cstddef>

namespace proxima::vision {
namespace {

constexpr std::uint8_t marker_lead = 0xff;
constexpr std::uint8_t start_of_image = 0xd8;
constexpr std::uint8_t end_of_image = 0xd9;
constexpr std::uint8_t start_of_scan = 0xda;
constexpr std::uint8_t frame_baseline = 0xc0;
constexpr std::uint8_t frame_progressive = 0xc2;
constexpr std::size_t frame_header_bytes = 8;  // length, precision, height, width, components
constexpr std::size_t segments_max = 256;

std::uint32_t word(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 8U | bytes[at + 1];
}

bool stands_alone(std::uint8_t marker) { return marker == 0x01 || (marker >= 0xd0 && marker <= end_of_image); }

}  // namespace

std::optional<PictureSize> jpeg_size(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 4 || bytes[0] != marker_lead || bytes[1] != start_of_image) return std::nullopt;
  std::size_t at = 2;
  for (std::size_t segment = 0; segment < segments_max; ++segment) {
    if (at >= bytes.size() || bytes[at] != marker_lead) return std::nullopt;
    while (at < bytes.size() && bytes[at] == marker_lead) ++at;  // a marker may be led by more than one 0xff
    if (bytes.size() - at < 3) return std::nullopt;
    const std::uint8_t marker = bytes[at++];
    if (marker == 0 || marker == start_of_scan || stands_alone(marker)) return std::nullopt;
    const std::size_t length = word(bytes, at);
    if (length < 2 || length > bytes.size() - at) return std::nullopt;
    if (marker >= frame_baseline && marker <= frame_progressive) {
      if (length < frame_header_bytes) return std::nullopt;
      const PictureSize size{word(bytes, at + 5), word(bytes, at + 3)};
      // Height 0 means that it follows after the first scan: legal, unused, and no bound.
      if (size.width == 0 || size.height == 0) return std::nullopt;
      return size;
    }
    // Lossless, hierarchical and arithmetic-coded frames are nothing that a camera sends; 0xc4 and 0xcc are tables.
    if (marker >= 0xc3 && marker <= 0xcf && marker != 0xc4 && marker != 0xcc) return std::nullopt;
    at += length;
  }
  return std::nullopt;
}

}  // namespace proxima::vision

// Boxes v1: how a task tells where it saw something. Written by guests and by the host function hog_people, read by
// clients. Little-endian on the wire whatever the machine; plain functions over memory that the caller owns, usable on
// any thread and inside a guest.
//
//   0  4  magic "PXB1"
//   4  4  count, u32
//   8  32 × count: i32 x, y, w, h (pixels of the frame, from its upper left corner), f32 score, char label[12]
//                  (ASCII, padded with zeros; a label of twelve characters has no zero)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace proxima::boxes {

struct Box {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t w = 0;
  std::int32_t h = 0;
  float score = 0;
  char label[12] = {};
};

inline constexpr std::size_t header_bytes = 8;
inline constexpr std::size_t item_bytes = 32;
inline constexpr std::uint32_t magic = 0x31425850;  // "PXB1" read as a little-endian number

/// Bytes that `count` boxes take.
[[nodiscard]] constexpr std::size_t encoded_bytes(std::size_t count) { return header_bytes + count * item_bytes; }

namespace detail {
inline void put(std::uint8_t* to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
[[nodiscard]] inline std::uint32_t get(const std::uint8_t* from) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(from[i]) << (8 * i);
  return value;
}
[[nodiscard]] inline std::int32_t get_signed(const std::uint8_t* from) {
  return static_cast<std::int32_t>(get(from));
}
}  // namespace detail

/// Sets the label: the first twelve characters of `text`, padded with zeros.
inline void set_label(Box& box, const char* text) {
  std::size_t i = 0;
  for (; i < sizeof box.label && text[i] != '\0'; ++i) box.label[i] = text[i];
  for (; i < sizeof box.label; ++i) box.label[i] = '\0';
}

/// Characters of a label, at most twelve.
[[nodiscard]] inline std::size_t label_length(const Box& box) {
  std::size_t length = 0;
  while (length < sizeof box.label && box.label[length] != '\0') ++length;
  return length;
}

/// Writes `count` boxes to `out`, which holds `capacity` bytes. Returns the bytes written, 0 if they do not fit.
[[nodiscard]] inline std::size_t encode(const Box* items, std::size_t count, std::uint8_t* out, std::size_t capacity) {
  if (capacity < header_bytes || count > (capacity - header_bytes) / item_bytes) return 0;
  detail::put(out, magic);
  detail::put(out + 4, static_cast<std::uint32_t>(count));
  std::uint8_t* to = out + header_bytes;
  for (std::size_t i = 0; i < count; ++i, to += item_bytes) {
    const Box& box = items[i];
    detail::put(to, static_cast<std::uint32_t>(box.x));
    detail::put(to + 4, static_cast<std::uint32_t>(box.y));
    detail::put(to + 8, static_cast<std::uint32_t>(box.w));
    detail::put(to + 12, static_cast<std::uint32_t>(box.h));
    std::uint32_t score = 0;
    std::memcpy(&score, &box.score, sizeof score);
    detail::put(to + 16, score);
    std::memcpy(to + 20, box.label, sizeof box.label);
  }
  return encoded_bytes(count);
}

/// How many boxes `bytes` announces, or −1 unless it is exactly one well-formed list of boxes.
[[nodiscard]] inline std::int64_t count(const std::uint8_t* bytes, std::size_t size) {
  if (size < header_bytes || detail::get(bytes) != magic) return -1;
  const std::uint32_t announced = detail::get(bytes + 4);
  if ((size - header_bytes) % item_bytes != 0 || (size - header_bytes) / item_bytes != announced) return -1;
  return static_cast<std::int64_t>(announced);
}

/// Box number `index` of bytes for which count() was larger than `index`.
[[nodiscard]] inline Box at(const std::uint8_t* bytes, std::size_t index) {
  const std::uint8_t* from = bytes + encoded_bytes(index);
  Box box;
  box.x = detail::get_signed(from);
  box.y = detail::get_signed(from + 4);
  box.w = detail::get_signed(from + 8);
  box.h = detail::get_signed(from + 12);
  const std::uint32_t score = detail::get(from + 16);
  std::memcpy(&box.score, &score, sizeof score);
  std::memcpy(box.label, from + 20, sizeof box.label);
  return box;
}

}  // namespace proxima::boxes

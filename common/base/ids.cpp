#include "common/base/ids.hpp"

#include <cstddef>
#include <span>

namespace proxima {
namespace {

constexpr char digits[] = "0123456789abcdef";

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool unhex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = nibble(text[2 * i]);
    const int low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string hex64(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return hex(bytes);
}

std::optional<std::uint64_t> unhex64(std::string_view text) {
  std::array<std::uint8_t, 8> bytes{};
  if (!unhex(text, bytes)) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

}  // namespace

std::string to_text(const NodeId& id) { return hex(id.bytes); }
std::string to_text(const Digest& digest) { return hex(digest.bytes); }
std::string to_text(TaskId id) { return hex64(id.value); }
std::string to_text(InstanceId id) { return hex64(id.value); }

std::optional<NodeId> node_id_from(std::string_view text) {
  NodeId id;
  if (!unhex(text, id.bytes)) return std::nullopt;
  return id;
}

std::optional<Digest> digest_from(std::string_view text) {
  Digest digest;
  if (!unhex(text, digest.bytes)) return std::nullopt;
  return digest;
}

std::optional<TaskId> task_id_from(std::string_view text) {
  const auto value = unhex64(text);
  if (!value) return std::nullopt;
  return TaskId{*value};
}

std::optional<InstanceId> instance_id_from(std::string_view text) {
  const auto value = unhex64(text);
  if (!value) return std::nullopt;
  return InstanceId{*value};
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 32 || text.front() == '-') return false;
  for (const char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!good) return false;
  }
  return true;
}

}  // namespace proxima

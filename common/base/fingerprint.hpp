// A running 64-bit digest of state (FNV-1a), equal on every architecture. For comparing states, not for security.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace proxima {

class Fingerprint {
 public:
  void add(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) step(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }
  void add(std::uint32_t value) { add(static_cast<std::uint64_t>(value)); }
  void add(bool value) { step(value ? 1 : 0); }
  void add(double value) { add(std::bit_cast<std::uint64_t>(value)); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    for (const char c : text) step(static_cast<std::uint8_t>(c));
  }
  template <class Bytes>
  void add_bytes(const Bytes& bytes) {
    for (const auto byte : bytes) step(static_cast<std::uint8_t>(byte));
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void step(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace proxima

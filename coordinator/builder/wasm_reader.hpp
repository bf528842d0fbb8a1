// A cursor over a module's bytes that knows where it is and cannot leave its end. The first failure sticks: after it
// every read gives 0, and the owner looks at failed() where it matters. For the validator's files alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace proxima::builder {

class WasmReader {
 public:
  explicit WasmReader(std::span<const std::uint8_t> bytes, std::size_t base = 0) : bytes_(bytes), base_(base) {}

  [[nodiscard]] bool failed() const { return !why_.empty(); }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  /// Offset in the module of the next byte.
  [[nodiscard]] std::size_t offset() const { return base_ + at_; }

  /// Remembers the first failure, at the place of the next byte. Returns false, for `return refuse(…)`.
  bool refuse(std::string why) {
    if (why_.empty()) {
      why_ = std::move(why);
      failed_at_ = offset();
    }
    return false;
  }
  [[nodiscard]] Failure failure() const {
    return fail("the module is refused", "at byte " + std::to_string(failed_at_) + ": " + why_,
                "build it with scripts or flags of docs/tasks.md");
  }

  std::uint8_t byte() {
    if (failed() || left() == 0) {
      refuse("it ends in the middle");
      return 0;
    }
    return bytes_[at_++];
  }

  /// An unsigned LEB128 number of at most 32 bits.
  std::uint32_t u32() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      const std::uint8_t part = byte();
      if (shift == 28 && (part & 0xf0U) != 0) {
        refuse("a number is longer than 32 bits");
        return 0;
      }
      value |= static_cast<std::uint32_t>(part & 0x7fU) << shift;
      if ((part & 0x80U) == 0) return failed() ? 0 : value;
    }
    return 0;
  }

  /// Skips a signed LEB128 number of at most `bits` bits.
  void skip_signed(unsigned bits) {
    const unsigned most = (bits + 6) / 7;
    for (unsigned i = 0; i < most; ++i) {
      const std::uint8_t part = byte();
      if ((part & 0x80U) != 0) continue;
      if (i + 1 == most) {
        const unsigned used = bits - 7 * i;  // bits of this last part that count; the rest repeats the sign
        const auto rest = static_cast<std::uint8_t>((part & 0x7fU) >> (used - 1));
        if (rest != 0 && rest != (0x7fU >> (used - 1))) refuse("a number is longer than its type");
      }
      return;
    }
    refuse("a number is longer than its type");
  }

  /// A count or an index: refused above `most`.
  std::uint32_t bounded(std::uint32_t most, std::string_view what) {
    const std::uint32_t value = u32();
    if (value > most) {
      refuse(std::to_string(value) + " " + std::string(what) + ", allowed are " + std::to_string(most));
      return 0;
    }
    return value;
  }

  /// An index below `count`.
  std::uint32_t index(std::uint32_t count, std::string_view what) {
    const std::uint32_t value = u32();
    if (!failed() && value >= count) {
      refuse("there is no " + std::string(what) + " " + std::to_string(value));
      return 0;
    }
    return value;
  }

  void skip(std::size_t count) {
    if (failed()) return;
    if (count > left()) {
      refuse("it ends in the middle");
      return;
    }
    at_ += count;
  }

  /// The next `count` bytes as text; empty after a failure.
  std::string_view text(std::size_t count) {
    if (failed() || count > left()) {
      refuse("it ends in the middle");
      return {};
    }
    const std::string_view out(reinterpret_cast<const char*>(bytes_.data()) + at_, count);
    at_ += count;
    return out;
  }

  /// A reader of the next `count` bytes, which this one skips.
  WasmReader part(std::size_t count) {
    if (failed() || count > left()) {
      refuse("it ends in the middle");
      return WasmReader({}, offset());
    }
    WasmReader inner(bytes_.subspan(at_, count), offset());
    at_ += count;
    return inner;
  }

  /// Takes over the failure of a part.
  bool adopt(const WasmReader& inner) {
    if (inner.failed() && !failed()) {
      why_ = inner.why_;
      failed_at_ = inner.failed_at_;
    }
    return !failed();
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t base_;
  std::size_t at_ = 0;
  std::string why_;
  std::size_t failed_at_ = 0;
};

}  // namespace proxima::builder

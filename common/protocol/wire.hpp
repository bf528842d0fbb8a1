// The two hands of the codec: one writes fields, the other reads the same fields in the same order. A message names its
// fields once, in a function that takes either hand; so the two directions cannot differ. Used by codec_*.cpp only; values,
// any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/assert.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/codec.hpp"

namespace proxima::protocol::wire {

inline constexpr std::uint8_t version = 1;  ///< of the layout; another one is refused, not guessed at

/// The second byte. Numbers are never used again for something else.
enum class Type : std::uint8_t {
  birth = 1, lost = 2, beat = 3, instance_report = 4, desired = 5,
  hello = 16, frame = 17, ping = 18, transfer = 19, bye = 20,
  welcome = 32, refused = 33, result = 34, pong = 35, transfer_done = 36,
  echo_request = 48, echo_reply = 49,
};

/// What a text may hold, beyond being valid UTF-8 without control characters.
enum class Text {
  free,    ///< for people; may be empty
  name,    ///< is_name()
  symbol,  ///< printable ASCII without spaces; may be empty
  word,    ///< [a-z0-9_-], not empty
};

/// True if decoders accept `text` as this kind.
[[nodiscard]] bool acceptable(std::string_view text, Text kind);
/// `text` made acceptable as Text::free: broken UTF-8 and control characters become '?', cut to `max_bytes` between
/// characters.
[[nodiscard]] std::string cleaned(std::string_view text, std::size_t max_bytes);

class Writer {
 public:
  static constexpr bool writing = true;
  explicit Writer(Type type) {
    out_.reserve(64);
    put(version, 1);
    put(static_cast<std::uint8_t>(type), 1);
  }

  template <class Integer>
  void number(const char*, const Integer& value) {
    static_assert(std::is_unsigned_v<Integer>);
    put(value, sizeof(Integer));
  }
  template <class Integer>
  void number(const char* field, const Integer& value, Integer low, Integer high) {
    PROXIMA_ASSERT(value >= low && value <= high);
    number(field, value);
  }
  void flag(const char*, const bool& value) { put(value ? 1 : 0, 1); }
  template <class Enum>
  void choice(const char*, const Enum& value, Enum low, Enum high) {
    PROXIMA_ASSERT(value >= low && value <= high);
    put(static_cast<std::uint8_t>(value), 1);
  }
  void text(const char*, const std::string& value, std::size_t max_bytes, Text kind);
  void blob(const char*, const std::vector<std::uint8_t>& value, std::size_t max_bytes);
  template <std::size_t Size>
  void array(const char*, const std::array<std::uint8_t, Size>& value) {
    out_.insert(out_.end(), value.begin(), value.end());
  }
  void zeros(const char*, std::size_t count) { out_.insert(out_.end(), count, 0); }
  template <class Item, class Each>
  void list(const char*, const std::vector<Item>& items, std::size_t max_items, Each each) {
    PROXIMA_ASSERT(items.size() <= max_items);
    put(items.size(), 1);
    for (const Item& item : items) each(*this, item);
  }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  void put(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  Bytes out_;
};

/// After the first failure every read is a no-op, so a message's fields need no check each.
class Reader {
 public:
  static constexpr bool writing = false;
  /// Reads version and type; type() is meaningful only if ok().
  explicit Reader(View bytes, std::size_t max_bytes);

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] bool ok() const { return why_ == nullptr; }

  template <class Integer>
  void number(const char* field, Integer& value) {
    static_assert(std::is_unsigned_v<Integer>);
    value = static_cast<Integer>(get(field, sizeof(Integer)));
  }
  template <class Integer>
  void number(const char* field, Integer& value, Integer low, Integer high) {
    number(field, value);
    if (ok() && (value < low || value > high)) refuse(field, "out of range");
  }
  void flag(const char* field, bool& value) {
    const std::uint64_t raw = get(field, 1);
    if (ok() && raw > 1) refuse(field, "neither 0 nor 1");
    value = raw == 1;
  }
  template <class Enum>
  void choice(const char* field, Enum& value, Enum low, Enum high) {
    const std::uint64_t raw = get(field, 1);
    if (ok() && (raw < static_cast<std::uint8_t>(low) || raw > static_cast<std::uint8_t>(high))) {
      refuse(field, "not a known value");
    }
    if (ok()) value = static_cast<Enum>(raw);
  }
  void text(const char* field, std::string& value, std::size_t max_bytes, Text kind);
  void blob(const char* field, std::vector<std::uint8_t>& value, std::size_t max_bytes);
  template <std::size_t Size>
  void array(const char* field, std::array<std::uint8_t, Size>& value) {
    const View bytes = take(field, Size);
    for (std::size_t i = 0; i < bytes.size(); ++i) value[i] = bytes[i];
  }
  void zeros(const char* field, std::size_t count);
  /// Items are added one by one, each after its bytes were there: a large count costs nothing.
  template <class Item, class Each>
  void list(const char* field, std::vector<Item>& items, std::size_t max_items, Each each) {
    const std::uint64_t count = get(field, 1);
    if (ok() && count > max_items) refuse(field, "too many");
    items.clear();
    for (std::uint64_t i = 0; i < count && ok(); ++i) {
      Item item{};
      each(*this, item);
      if (ok()) items.push_back(std::move(item));
    }
  }

  /// The message is of a type that does not belong here.
  void refuse_type() { refuse("type", "does not belong on this channel"); }
  /// Success only if nothing failed and nothing is left. `message` names it for people: "beat".
  [[nodiscard]] Result<void> finish(const char* message) const;

 private:
  [[nodiscard]] std::uint64_t get(const char* field, std::size_t bytes);
  /// Exactly `count` bytes, or none and a failure.
  [[nodiscard]] View take(const char* field, std::size_t count);
  void refuse(const char* field, const char* why);

  View rest_;
  Type type_{};
  const char* field_ = nullptr;
  const char* why_ = nullptr;
};

}  // namespace proxima::protocol::wire

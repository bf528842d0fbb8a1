#include "common/protocol/wire.hpp"

#include <algorithm>

namespace proxima::protocol::wire {
namespace {

/// The length of the UTF-8 character that begins `text` (RFC 3629: no overlong form, no surrogate, at most U+10FFFF),
/// 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  if (text.empty()) return 0;
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

/// C0, DEL and C1 (U+0080 to U+009F), which terminals obey.
bool is_control(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0;
}

bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0 || is_control(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

bool acceptable(std::string_view text, Text kind) {
  switch (kind) {
    case Text::free: return is_clean(text);
    case Text::name: return is_name(text);
    case Text::symbol: return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
    case Text::word: return is_word(text);
  }
  return false;
}

std::string cleaned(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const bool bad = length == 0 || is_control(text.substr(0, length));
    const std::string_view character = bad ? std::string_view("?") : text.substr(0, length);
    if (out.size() + character.size() > max_bytes) break;
    out += character;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void Writer::text(const char*, const std::string& value, std::size_t max_bytes, Text) {
  const std::string clean = cleaned(value, max_bytes);
  put(clean.size(), 1);
  out_.insert(out_.end(), clean.begin(), clean.end());
}

void Writer::blob(const char*, const std::vector<std::uint8_t>& value, std::size_t max_bytes) {
  PROXIMA_ASSERT(value.size() <= max_bytes);
  put(value.size(), 2);
  out_.insert(out_.end(), value.begin(), value.end());
}

Reader::Reader(View bytes, std::size_t max_bytes) : rest_(bytes) {
  if (bytes.size() > max_bytes) refuse("message", "too long");
  const std::uint64_t given = get("version", 1);
  if (ok() && given != version) refuse("version", "not one that this program speaks");
  type_ = static_cast<Type>(get("type", 1));
}

void Reader::text(const char* field, std::string& value, std::size_t max_bytes, Text kind) {
  const std::uint64_t size = get(field, 1);
  if (ok() && size > max_bytes) refuse(field, "too long");
  const View bytes = take(field, static_cast<std::size_t>(size));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (ok() && !acceptable(text, kind)) refuse(field, "has characters that are not allowed there");
  if (ok()) value = text;
}

void Reader::blob(const char* field, std::vector<std::uint8_t>& value, std::size_t max_bytes) {
  const std::uint64_t size = get(field, 2);
  if (ok() && size > max_bytes) refuse(field, "too long");
  const View bytes = take(field, static_cast<std::size_t>(size));
  if (ok()) value.assign(bytes.begin(), bytes.end());
}

void Reader::zeros(const char* field, std::size_t count) {
  const View bytes = take(field, count);
  if (std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; })) refuse(field, "not zero");
}

Result<void> Reader::finish(const char* message) const {
  const std::string what = "cannot read a " + std::string(message) + " message";
  const std::string hint = "the other side may be of another version";
  if (!ok()) return fail(what, std::string(field_) + ": " + why_, hint);
  if (!rest_.empty()) return fail(what, std::to_string(rest_.size()) + " bytes too many at the end", hint);
  return {};
}

std::uint64_t Reader::get(const char* field, std::size_t bytes) {
  std::uint64_t value = 0;
  const View raw = take(field, bytes);
  for (std::size_t i = 0; i < raw.size(); ++i) value |= std::uint64_t{raw[i]} << (8 * i);
  return value;
}

View Reader::take(const char* field, std::size_t count) {
  if (!ok()) return {};
  if (count > rest_.size()) {
    refuse(field, "cut short");
    return {};
  }
  const View taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

void Reader::refuse(const char* field, const char* why) {
  if (!ok()) return;
  field_ = field;
  why_ = why;
}

}  // namespace proxima::protocol::wire

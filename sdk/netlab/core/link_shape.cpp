#include "sdk/netlab/core/link_shape.hpp"

#include <array>
#include <charconv>
#include <string>

namespace proxima::netlab {

const std::array<ShapeField, 4>& shape_fields() {
  static constexpr std::array<ShapeField, 4> fields{{
      {"rtt_ms", 0.0, 2000.0, &LinkShape::rtt_ms},
      {"jitter_ms", 0.0, 2000.0, &LinkShape::jitter_ms},
      {"loss_percent", 0.0, 100.0, &LinkShape::loss_percent},
      {"rate_mbit", 0.1, 10000.0, &LinkShape::rate_mbit},
  }};
  return fields;
}

const ShapeField* shape_field(std::string_view key) {
  for (const ShapeField& field : shape_fields()) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

std::string to_text(double number) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() ? std::string(digits.data(), end) : std::string("?");
}

std::string range_text(double min, double max) { return to_text(min) + " to " + to_text(max); }

Result<void> set_shape_field(LinkShape& shape, std::string_view key, double value) {
  const ShapeField* field = shape_field(key);
  if (field == nullptr) {
    return fail("unknown key '" + std::string(key) + "'", "a link has no such figure",
                "use one of rtt_ms, jitter_ms, loss_percent, rate_mbit");
  }
  if (!(value >= field->min && value <= field->max)) {  // written so that NaN fails too
    return fail(std::string(key) + " = " + to_text(value), "out of range",
                "use " + range_text(field->min, field->max));
  }
  shape.*(field->member) = value;
  return {};
}

}  // namespace proxima::netlab

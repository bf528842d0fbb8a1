// What a link between a client and a node does to packets, and the ranges that lab files and `set` share.
// A value; owned by nobody, used on any thread.
#pragma once

#include <array>
#include <string_view>

#include "common/base/result.hpp"

namespace proxima::netlab {

/// The four figures of a link. The default is no distance at all: no delay, no loss, no limit of rate.
struct LinkShape {
  double rtt_ms = 0.0;        ///< added round trip, half of it each way
  double jitter_ms = 0.0;     ///< standard deviation of the round trip
  double loss_percent = 0.0;  ///< of datagrams, and of 1448-byte pieces of TCP
  double rate_mbit = 0.0;     ///< each way, in 10^6 bit/s; 0: no limit (never from a lab file)

  bool operator==(const LinkShape&) const = default;
};

/// One figure by name, with what a user may ask for.
struct ShapeField {
  std::string_view key;
  double min;
  double max;
  double LinkShape::*member;
};

/// rtt_ms, jitter_ms, loss_percent, rate_mbit.
[[nodiscard]] const std::array<ShapeField, 4>& shape_fields();

/// The field of that name, or nullptr.
[[nodiscard]] const ShapeField* shape_field(std::string_view key);

/// A number as a person would write it: "80", "0.3".
[[nodiscard]] std::string to_text(double number);

/// "0 to 2000", for messages.
[[nodiscard]] std::string range_text(double min, double max);

/// Sets one field by name. Fails, and changes nothing, on an unknown name or a value that is not finite or out of range.
[[nodiscard]] Result<void> set_shape_field(LinkShape& shape, std::string_view key, double value);

}  // namespace proxima::netlab

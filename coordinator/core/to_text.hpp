// Figures in sentences for people. Pure, without locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxima::coordinator {

/// A finite value with one decimal: "8.7"; larger than 10^12 in size is "very large".
[[nodiscard]] std::string one_decimal(double value);

/// The smallest multiple of 0.01 that is not below `value`, so that a figure which people copy still passes the test it
/// came from. Values beyond 10^12 come back as they are.
[[nodiscard]] double rounded_up(double value);

/// At most limits::text_bytes of `text`.
[[nodiscard]] std::string bounded(std::string_view text);

}  // namespace proxima::coordinator

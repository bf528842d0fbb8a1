// Time as a value. An Instant counts nanoseconds from an origin of its process; instants of two processes are never
// compared. Core code gets its Instants as arguments and never reads a clock.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace proxima {

/// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;

  [[nodiscard]] static constexpr Duration nanos(std::int64_t n) { return {n}; }
  [[nodiscard]] static constexpr Duration micros(std::int64_t n) { return {n * 1000}; }
  [[nodiscard]] static constexpr Duration millis(std::int64_t n) { return {n * 1'000'000}; }
  [[nodiscard]] static constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }
  [[nodiscard]] static constexpr Duration from_ms(double ms) { return {static_cast<std::int64_t>(ms * 1e6)}; }
  [[nodiscard]] constexpr double ms() const { return static_cast<double>(ns) / 1e6; }

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return {ns + other.ns}; }
  constexpr Duration operator-(Duration other) const { return {ns - other.ns}; }
  constexpr Duration operator*(std::int64_t n) const { return {ns * n}; }
  constexpr Duration operator/(std::int64_t n) const { return {ns / n}; }
};

/// A point in time of this process.
struct Instant {
  std::int64_t ns = 0;

  [[nodiscard]] static constexpr Instant never() { return {std::numeric_limits<std::int64_t>::max()}; }
  [[nodiscard]] constexpr bool is_never() const { return ns == never().ns; }

  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return is_never() ? never() : Instant{ns + d.ns}; }
  constexpr Instant operator-(Duration d) const { return is_never() ? never() : Instant{ns - d.ns}; }
  constexpr Duration operator-(Instant other) const { return {ns - other.ns}; }
};

}  // namespace proxima

// What one instance's frames took, over the last 64 of them. Pure; owned by the session table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/fingerprint.hpp"

namespace proxima::agent {

inline constexpr std::size_t figures_window = 64;

class Figures {
 public:
  void add(std::uint32_t execute_us, std::uint32_t queue_us);
  /// Frames ever added; wraps.
  [[nodiscard]] std::uint32_t frames() const { return frames_; }
  /// Means over the window, 0 if there is nothing in it.
  [[nodiscard]] std::uint32_t mean_execute_us() const;
  [[nodiscard]] std::uint32_t mean_queue_us() const;
  /// 1.48 × median absolute deviation from the median of the window's execution times: the standard deviation of normal
  /// errors, and unmoved by a few outliers (Rousseeuw, Croux: "Alternatives to the Median Absolute Deviation", 1993).
  [[nodiscard]] std::uint32_t error_execute_us() const;
  void fingerprint(Fingerprint& into) const;

 private:
  [[nodiscard]] std::size_t size() const;
  std::array<std::uint32_t, figures_window> execute_us_{};
  std::array<std::uint32_t, figures_window> queue_us_{};
  std::uint32_t frames_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace proxima::agent

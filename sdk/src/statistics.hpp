// Robust figures of a few samples. Pure; any thread.
#pragma once

#include <vector>

namespace proxima::client {

struct Spread {
  double median = 0;
  double error = 0;  ///< 1.48 × median absolute deviation: the standard deviation where samples are normal
};

/// Nearest-rank percentile of unsorted samples, 0 < percent ≤ 100; 0 if there are none.
[[nodiscard]] double percentile(std::vector<double> samples, double percent);
/// Median (mean of the middle two) and its spread; zeros if there are none.
[[nodiscard]] Spread spread_of(const std::vector<double>& samples);

}  // namespace proxima::client

#include "sdk/src/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace proxima::client {

namespace {
double middle(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t half = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}
}  // namespace

double percentile(std::vector<double> samples, double percent) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const double rank = std::ceil(percent / 100 * static_cast<double>(samples.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return samples[std::min(index, samples.size() - 1)];
}

Spread spread_of(const std::vector<double>& samples) {
  if (samples.empty()) return {};
  std::vector<double> copy = samples;
  Spread out;
  out.median = middle(copy);
  for (double& value : copy) value = std::abs(value - out.median);
  out.error = 1.48 * middle(copy);
  return out;
}

}  // namespace proxima::client

#include "agent/core/figures.hpp"

#include <algorithm>

namespace proxima::agent {
namespace {

using Window = std::array<std::uint32_t, figures_window>;

std::uint32_t mean(const Window& values, std::size_t count) {
  if (count == 0) return 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += values[i];
  return static_cast<std::uint32_t>((sum + count / 2) / count);
}

// The lower median: an observed value, so that no halves have to be rounded.
std::uint32_t median(Window values, std::size_t count) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
  std::nth_element(values.begin(), middle, values.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

}  // namespace

void Figures::add(std::uint32_t execute_us, std::uint32_t queue_us) {
  const std::size_t at = frames_ % figures_window;
  execute_us_[at] = execute_us;
  queue_us_[at] = queue_us;
  ++frames_;
  filled_ = std::min(filled_ + 1, figures_window);
}

std::size_t Figures::size() const { return filled_; }

std::uint32_t Figures::mean_execute_us() const { return mean(execute_us_, size()); }
std::uint32_t Figures::mean_queue_us() const { return mean(queue_us_, size()); }

std::uint32_t Figures::error_execute_us() const {
  const std::size_t count = size();
  if (count == 0) return 0;
  const std::uint32_t middle = median(execute_us_, count);
  Window deviations{};
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t value = execute_us_[i];
    deviations[i] = value > middle ? value - middle : middle - value;
  }
  const std::uint64_t error = std::uint64_t{median(deviations, count)} * 148 / 100;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(error, 0xffffffffU));
}

void Figures::fingerprint(Fingerprint& into) const {
  into.add(frames_);
  for (std::size_t i = 0; i < filled_; ++i) {
    into.add(execute_us_[i]);
    into.add(queue_us_[i]);
  }
}

}  // namespace proxima::agent

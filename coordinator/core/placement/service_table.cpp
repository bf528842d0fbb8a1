#include "coordinator/core/placement/service_table.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "common/base/assert.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/core/fingerprint_of.hpp"

namespace proxima::coordinator {
namespace {

constexpr double least_error_ratio = 0.05;
constexpr double least_error_ms = 0.05;
constexpr double few_runs_error_ratio = 0.25;  // of trials: their few runs share one moment of a machine's moods
constexpr double scaled_error_ratio = 0.5;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

double least_error(double mean_ms) { return std::max(least_error_ratio * mean_ms, least_error_ms); }

Figure figure_of(std::span<const double> runs) {
  PROXIMA_ASSERT(!runs.empty());
  const double middle = median({runs.begin(), runs.end()});
  std::vector<double> deviations;
  for (const double run : runs) deviations.push_back(run < middle ? middle - run : run - middle);
  return {middle, std::max({1.48 * median(std::move(deviations)), few_runs_error_ratio * middle, least_error_ms})};
}

void ServiceTable::learn(const ServiceKey& key, const NodeId& node, const Machine& machine, Figure figure) {
  if (!tasks_.contains(key) && tasks_.size() >= limits::learnt_tasks) {
    const auto oldest = std::min_element(tasks_.begin(), tasks_.end(),
                                         [](const auto& a, const auto& b) { return a.second.stamp < b.second.stamp; });
    tasks_.erase(oldest);
  }
  Learnt& learnt = tasks_[key];
  learnt.stamp = ++stamp_;
  if (!learnt.nodes.contains(node) && learnt.nodes.size() >= limits::candidates) return;
  figure.error_ms = std::max(figure.error_ms, least_error(figure.mean_ms));
  learnt.nodes[node] = {machine, figure};
}

ServiceEstimate ServiceTable::estimate(const ServiceKey& key, const NodeId& node, const Machine& machine) const {
  using Basis = ServiceEstimate::Basis;
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return {};
  std::vector<Figure> same_class;
  std::vector<double> per_benchmark_us;
  std::optional<Figure> own;
  for (const auto& [id, entry] : found->second.nodes) {
    if (entry.machine.device_class == machine.device_class) {
      same_class.push_back(entry.figure);
      if (id == node) own = entry.figure;
    }
    if (entry.machine.benchmark_us > 0) per_benchmark_us.push_back(entry.figure.mean_ms / entry.machine.benchmark_us);
  }
  if (same_class.empty()) {
    if (machine.benchmark_us == 0 || per_benchmark_us.empty()) return {};
    const double mean = median(std::move(per_benchmark_us)) * machine.benchmark_us;
    return {Basis::scaled, mean, mean * scaled_error_ratio};
  }
  std::sort(same_class.begin(), same_class.end(), [](const Figure& a, const Figure& b) {
    return std::tie(a.mean_ms, a.error_ms) < std::tie(b.mean_ms, b.error_ms);
  });
  const Figure shared = same_class[(same_class.size() - 1) / 2];
  if (own) {
    const double difference = own->mean_ms < shared.mean_ms ? shared.mean_ms - own->mean_ms : own->mean_ms - shared.mean_ms;
    if (difference > std::max(own->error_ms, shared.error_ms)) return {Basis::own, own->mean_ms, own->error_ms};
  }
  return {Basis::device_class, shared.mean_ms, shared.error_ms};
}

void ServiceTable::fingerprint(Fingerprint& print) const {
  print.add(stamp_);
  for (const auto& [key, learnt] : tasks_) {
    print.add(std::string_view(key.name));
    mix(print, key.module);
    for (const auto& [node, own] : learnt.nodes) {
      mix(print, node);
      print.add(std::string_view(own.machine.device_class));
      print.add(own.figure.mean_ms);
      print.add(own.figure.error_ms);
    }
  }
}

}  // namespace proxima::coordinator

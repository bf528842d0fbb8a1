// How long a task's frames take, learnt from trials and from what agents report. Owned by the coordinator's core.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "coordinator/core/placement/placement_view.hpp"

namespace proxima::coordinator {

/// What a service time belongs to: one module under one name.
struct ServiceKey {
  std::string name;
  Digest module;
  auto operator<=>(const ServiceKey&) const = default;
};

/// What makes two nodes comparable.
struct Machine {
  std::string device_class;        ///< CPU model and the owner's share of it
  std::uint32_t benchmark_us = 0;  ///< 0: not known
};

/// A measured service time.
struct Figure {
  double mean_ms = 0;
  double error_ms = 0;
};

/// The median and 1.48 × the median absolute deviation of `runs`, which has at least one: for a normal distribution that
/// is its standard deviation (Rousseeuw and Croux, JASA 1993), and one run gone astray does not move it. The error is at
/// least 25 % and 0.05 ms: a trial's few runs, all at one moment, tell no better.
[[nodiscard]] Figure figure_of(std::span<const double> runs);

/// The floor of a learnt figure's error: 5 %, and 0.05 ms.
[[nodiscard]] double least_error(double mean_ms);

class ServiceTable {
 public:
  void learn(const ServiceKey& key, const NodeId& node, const Machine& machine, Figure figure);

  /// The node's own figure where it differs from its class's by more than both errors; else its class's, one for all;
  /// else, from other classes, scaled by the benchmark with an error of half of it; else unknown.
  /// The class's figure is that of the node in the middle when its nodes stand in order of time.
  [[nodiscard]] ServiceEstimate estimate(const ServiceKey& key, const NodeId& node, const Machine& machine) const;
  void fingerprint(Fingerprint& print) const;

 private:
  struct Own {
    Machine machine;
    Figure figure;
  };
  struct Learnt {
    std::map<NodeId, Own> nodes;
    std::uint64_t stamp = 0;  // of the last figure, to forget the oldest
  };
  std::map<ServiceKey, Learnt> tasks_;
  std::uint64_t stamp_ = 0;
};

}  // namespace proxima::coordinator

// Which node serves a task and which stands by. Pure functions from a view; docs/placement.md has the formulas.
// decide() is what runs on each request; explain() says of every node all that speaks against it. A property test
// proves that they agree.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "coordinator/core/decision.hpp"
#include "coordinator/core/placement/placement_view.hpp"

namespace proxima::coordinator {

struct Plan {
  std::optional<NodeId> serving;
  std::optional<NodeId> standby;
  bool operator==(const Plan&) const = default;
};

/// The choice and the standby, on another node; what the view keeps is kept.
[[nodiscard]] Plan decide(const PlacementView& view);

/// The same plan with its reasons.
[[nodiscard]] Decision explain(const PlacementView& view);

/// Whom to let run the first frame: nodes within the deadline by round trip and transfer alone that no other constraint
/// rules out and whose service time was not learnt. At most limits::trial_nodes: the nearest of each device class first,
/// then the nearest of the rest.
[[nodiscard]] std::vector<NodeId> trial_candidates(const PlacementView& view);

/// True where no constraint fails that measuring cannot change: state, arch, isolation, functions, memory, residency, owner.
[[nodiscard]] bool admits(const PlacementView& view, const NodeFacts& node);

/// A prediction of the time from submission to result.
struct Prediction {
  Terms terms;
  double error_ms = 0;          ///< root of the sum of squares of the errors of rtt, transfer and queue
  double service_error_ms = 0;

  /// What a deadline is compared with: the prediction and its error.
  [[nodiscard]] double with_margin_ms() const { return terms.total() + error_ms; }
  /// 95th percentile of a normal distribution (z = 1.645) with all four errors as its deviation.
  [[nodiscard]] double p95_ms() const;
};

/// nullopt where a term is not known.
[[nodiscard]] std::optional<Prediction> predict(const PlacementView& view, const NodeFacts& node);

/// Milliseconds that a frame needs on the way at `rate_mbit`.
[[nodiscard]] double transfer_ms(std::uint32_t frame_bytes, double rate_mbit);

/// The part of its time that a node has left for one more stream, in frames a second.
[[nodiscard]] double rate_left_hz(const NodeFacts& node);

/// A feasible node in the ranking.
struct Rated {
  const NodeFacts* node = nullptr;
  double total_ms = 0;
  double error_ms = 0;
};

/// Two totals are equal when they differ by less than the larger of their errors.
[[nodiscard]] bool is_equal(const Rated& a, const Rated& b);

/// The index of the best: of all that are equal to the lowest total the one with fewest failures, fewest losses, fewest
/// instances, lowest id. "Equal" is not transitive; measuring it against the lowest alone makes the choice unique.
/// `rated` has at least one.
[[nodiscard]] std::size_t best_of(std::span<const Rated> rated);

}  // namespace proxima::coordinator

// A placement decision as a value with its reasons: what decide() chose and what explain() says of every node.
// Figures in milliseconds; docs/placement.md defines each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"

namespace proxima::coordinator {

/// What a client measured from where the source is.
struct NodeMeasurement {
  NodeId node;
  bool reachable = false;              ///< false: no echo came back
  double rtt_ms = 0;                   ///< median of at least 5 probes
  double rtt_error_ms = 0;             ///< max(0.1, 1.48 × median absolute deviation)
  std::optional<double> rate_mbit;     ///< of a frame-sized transfer; absent where none was made
  double rate_error_mbit = 0;
};

/// What a client saw when the node ran its first frame.
struct TrialResult {
  InstanceId instance;
  Epoch epoch;
  bool ok = false;
  std::string reason;                  ///< of a failed trial
  std::vector<double> execute_ms;      ///< one a run, at most limits::trial_runs
  std::vector<double> queue_ms;
};

/// A hard test that failed: the names of the contract's `blocked[].what`.
enum class Constraint : std::uint8_t {
  host_function, memory_mib, deadline_ms, p95_ms, rate_hz, arch, isolation, owner, residency, state
};

[[nodiscard]] const char* to_text(Constraint constraint);

using Quantity = std::variant<std::monostate, double, std::string>;  // monostate: unknown (JSON null)

struct Blocked {
  Constraint what = Constraint::state;
  Quantity needed;
  Quantity had;
};

struct Terms {
  double rtt = 0;
  double transfer = 0;
  double queue = 0;
  double service = 0;
  [[nodiscard]] double total() const { return rtt + transfer + queue + service; }
};

/// Everything known of one node for one task.
struct Candidate {
  NodeId node;
  std::string name;
  bool feasible = false;               ///< no constraint failed and all terms are known
  std::optional<double> rtt_ms;
  std::optional<double> rtt_error_ms;
  std::optional<double> rate_mbit;
  std::optional<Terms> terms;          ///< absent where a term is not known
  std::optional<double> predicted_ms;  ///< terms' total
  std::optional<double> predicted_error_ms;  ///< root of the sum of squares of the errors of rtt, transfer and queue
  std::vector<Blocked> blocked;        ///< all failed constraints, in the order of Constraint
  std::optional<double> fits_if_deadline_ms; ///< counterfactual, where only the deadline is in the way
};

struct Decision {
  std::optional<NodeId> serving;
  std::optional<NodeId> standby;
  std::vector<Candidate> candidates;   ///< every node, feasible first by rank, then by name
  std::string summary;                 ///< one sentence for people
};

}  // namespace proxima::coordinator

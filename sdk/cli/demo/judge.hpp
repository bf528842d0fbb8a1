// Judges a demo run from what the client wrote down: fault gaps, moves, losses, and the checks that `ok` is made of.
// Pure: rows in, JSON out. What each counted thing means is docs/demo.md's table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.hpp"

namespace proxima::demo {

/// One line of `proxima stream --results`, as far as the judge needs it. Times: the client's monotonic clock.
struct FrameRow {
  std::int64_t sequence = 0;
  std::int64_t source_frame = 0;
  double submit_ms = 0;
  std::optional<double> arrival_ms;
  std::string status;  ///< ok, dropped_late, lost, failed
  std::string node;
  std::int64_t attempts = 0;
  nlohmann::json items;
};

using Rows = std::map<std::string, std::vector<FrameRow>>;  ///< by task, in order of sequence

/// Reads a results file; a line that is no result is a failure with its number.
[[nodiscard]] Result<Rows> read_results(const std::string& path);

/// A fault as it was done.
struct Fault {
  std::string what;                  ///< node, node_silent
  std::string target;                ///< the node's name
  double t_ms = 0;                   ///< the client's monotonic clock
  std::vector<std::string> touched;  ///< the tasks that the node served at that moment
};

/// What a fault did to one task's stream.
struct Gap {
  std::size_t fault = 0;             ///< index into the faults
  std::string task;
  double begin_ms = 0;
  double end_ms = 0;                 ///< begin_ms if no affected frame was ever answered
  std::optional<double> gap_ms;
  std::int64_t frames_lost = 0;
  std::int64_t results_after = 0;
  std::string moved_to;              ///< the first other node that answered an affected or later frame; empty if none did
};

[[nodiscard]] std::vector<Gap> find_gaps(const Rows& rows, const std::vector<Fault>& faults);

/// The frame was unanswered at the fault or submitted before the gap's end.
[[nodiscard]] bool inside(const FrameRow& row, const Gap& gap);

struct JudgeInput {
  nlohmann::json tasks;              ///< demo.schema.json's `tasks`, from the client
  Rows rows;
  std::vector<Fault> faults;
  double origin_ms = 0;              ///< the run's beginning on the client's clock
  bool faults_wanted = true;
  std::vector<std::string> not_back; ///< nodes that a fault hit and that have not rejoined
};

struct Verdict {
  bool ok = false;
  nlohmann::json checks;             ///< demo.schema.json's `checks`
  nlohmann::json faults;             ///< demo.schema.json's `faults`
};

[[nodiscard]] Verdict judge(const JudgeInput& input);

/// The nodes that contracts allow as the choice: feasible, with a total equal to the lowest within the larger error.
[[nodiscard]] std::vector<std::string> best_nodes(const nlohmann::json& candidates);

}  // namespace proxima::demo

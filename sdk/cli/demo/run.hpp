// Plays the demo: starts the region with its lab, streams, does the faults to real processes, and brings back what the
// client wrote. The client never hears of the lab. Blocks; owns a loop of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.hpp"
#include "sdk/cli/demo/judge.hpp"
#include "sdk/netlab/lab_file.hpp"

namespace proxima::demo {

struct RunOptions {
  std::string programs;        ///< folder of the binaries
  std::string directory;       ///< run directory, absolute
  std::string lab_path;
  netlab::Lab lab;
  std::string source;          ///< a file, or "synthetic"
  double fps = 30;
  double seconds = 40;
  bool faults = true;
  std::string results_path;    ///< absolute
  std::function<void(const std::string&)> say;  ///< progress for people
};

struct RunOutcome {
  nlohmann::json stream;       ///< the client's closing object (proxima/v1/stream)
  int stream_status = 0;       ///< its exit status
  std::vector<Fault> faults;
  std::vector<std::string> not_back;
  double origin_ms = 0;        ///< the first submission, on the client's clock
  nlohmann::json cloud;        ///< task → distribution of e2e_ms, where a node is marked as cloud
};

/// When the faults happen, in seconds from the first frame; of a silent death the continuation too.
struct FaultPlan {
  double kill_s = 0;
  double silence_s = 0;
  double silence_ends_s = 0;
};

inline constexpr double shortest_run_with_faults_s = 24;
inline constexpr double longest_run_with_faults_s = 75;

/// Leaves at least 4 s of calm before, between and after. `seconds` within the two bounds above.
[[nodiscard]] FaultPlan plan_faults(double seconds);

[[nodiscard]] Result<RunOutcome> run_demo(const RunOptions& options);

}  // namespace proxima::demo

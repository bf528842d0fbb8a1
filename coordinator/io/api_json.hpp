// The HTTP API's bodies (docs/api.md) ↔ values. Reading is strict and bounded, and a failure names the field's path.
// Values only; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "coordinator/core/coordinator.hpp"
#include "coordinator/io/build_queue.hpp"

namespace proxima::coordinator {

/// A longer JSON body is refused unread; the longest that makes sense (256 measurements) has about 50 kB.
inline constexpr std::size_t json_body_bytes = 256U << 10U;

// What clients send. `request` and `task` of the events are left for the caller to fill.
[[nodiscard]] Result<TaskRequested> read_task_request(std::string_view body);
[[nodiscard]] Result<std::vector<NodeMeasurement>> read_measurements(std::string_view body);
[[nodiscard]] Result<std::vector<TrialResult>> read_trials(std::string_view body);
[[nodiscard]] Result<TakeoverReported> read_takeover(std::string_view body);
[[nodiscard]] Result<StandbyLost> read_standby_lost(std::string_view body);
[[nodiscard]] Result<ClientReport> read_report(std::string_view body);
/// {"error":{"what","why","hint"}} of a builder: as one reason on one line.
[[nodiscard]] Result<std::string> read_build_error(std::string_view body);

struct RegionSummary {
  std::string region;
  bool broker_up = false;
  std::size_t nodes = 0;
  std::size_t tasks = 0;
  Duration uptime;
};

/// A node's name for people; its id where no name is known.
using NameOf = std::function<std::string(const NodeId& node)>;

// What clients get.
[[nodiscard]] std::string error_body(const Error& error);
[[nodiscard]] std::string region_body(const RegionSummary& region);
[[nodiscard]] std::string node_body(const NodeView& node, Instant now);
[[nodiscard]] std::string nodes_body(const std::vector<NodeView>& nodes, Instant now);
[[nodiscard]] std::string task_body(const TaskView& task, const NameOf& name_of, Instant now);
[[nodiscard]] std::string tasks_body(const std::vector<TaskView>& tasks, const NameOf& name_of, Instant now);
[[nodiscard]] std::string explain_body(const TaskView& task, const Decision& decision, const NameOf& name_of);
[[nodiscard]] std::string task_accepted_body(const TaskAccepted& accepted);
[[nodiscard]] std::string trials_wanted_body(const TrialsWanted& wanted);
[[nodiscard]] std::string blob_body(const Digest& digest, std::size_t bytes);
[[nodiscard]] std::string build_job_body(const BuildJob& job);
/// Answers a builder's result: `state` is "built" or "failed".
[[nodiscard]] std::string build_body(const BuildJob& job, const char* state);
[[nodiscard]] std::string build_id_text(std::uint64_t id);

}  // namespace proxima::coordinator

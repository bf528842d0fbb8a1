// The coordinator's HTTP API as functions (docs/api.md). Blocking; one thread at a time, cancel() from any.
// Answers come from another process and are read as such: anything unexpected is a Problem, never a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.hpp"
#include "common/io/http_client.hpp"
#include "common/protocol/task_spec.hpp"
#include "sdk/include/proxima/client.hpp"

namespace proxima::client {

struct Target {
  std::string node;
  std::string name;
  std::string frames;
  std::string echo;
  bool transfer_useful = true;
};

struct Accepted {
  std::string task;
  std::vector<Target> targets;
};

struct Measurement {
  std::string node;
  bool reachable = false;
  double rtt_ms = 0;
  double rtt_error_ms = 0;
  std::optional<double> rate_mbit;
  double rate_error_mbit = 0;
};

struct GrantInfo {
  std::string node;
  std::string name;
  InstanceId instance;
  Epoch epoch;
  std::string role;
  std::string frames;
  std::vector<std::uint8_t> ticket;
};

struct Trial {
  InstanceId instance;
  Epoch epoch;
  bool ok = false;
  std::string reason;
  std::vector<double> execute_ms;
  std::vector<double> queue_ms;
};

struct TaskInfo {
  std::string id;
  std::string name;
  std::string state;                   ///< "placed", "refused", …
  std::string reason;
  std::optional<double> deadline_ms;
  double rate_hz = 0;
  std::optional<protocol::InputSpec> input;
  Epoch epoch;
  std::optional<GrantInfo> serving;
  std::optional<GrantInfo> standby;
  std::optional<PlacementDecision> decision;
};

struct TaskRequest {
  protocol::TaskSpec spec;
  std::uint32_t frame_bytes = 0;
  bool dry_run = false;
  std::uint32_t lease_ms = 0;
};

struct Report {
  std::uint32_t frames = 0;
  std::uint32_t late = 0;
  double e2e_p50_ms = 0;
  double e2e_p95_ms = 0;
  double network_p50_ms = 0;
};

class ApiClient {
 public:
  explicit ApiClient(const std::string& base, io::HttpClientOptions options = {}) : http_(base, options), base_(base) {}

  /// The body of any GET as it came, if the status is 200.
  Expected<std::string> get(const std::string& path);
  /// Puts the bytes under their digest.
  Expected<Done> put_blob(const Digest& digest, const std::vector<std::uint8_t>& bytes);
  Expected<Accepted> request_task(const TaskRequest& request);
  Expected<std::vector<GrantInfo>> report_measurements(const std::string& task, const std::vector<Measurement>& nodes);
  Expected<TaskInfo> report_trials(const std::string& task, const std::vector<Trial>& trials);
  Expected<TaskInfo> task(const std::string& task);
  Expected<TaskInfo> report_takeover(const std::string& task, Epoch epoch, const std::string& reason);
  Expected<TaskInfo> report_standby_lost(const std::string& task, Epoch epoch);
  Expected<TaskInfo> report(const std::string& task, const Report& report);
  Expected<TaskInfo> stop(const std::string& task);
  /// Calls back for each change of the task until cancel(), `on_task` returns false, or the stream breaks (a Problem).
  Expected<Done> watch(const std::string& task, const std::function<bool(const TaskInfo&)>& on_task);
  void cancel() { http_.cancel(); }

 private:
  Expected<std::string> body_of(Result<io::HttpAnswer> answer, const std::string& asked);
  Expected<TaskInfo> task_of(Expected<std::string> body);

  io::HttpClient http_;
  std::string base_;
};

/// Reads one task as the API writes it.
[[nodiscard]] Expected<TaskInfo> task_from_json(const std::string& text);

}  // namespace proxima::client

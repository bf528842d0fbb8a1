// One instance's processes, seen from the agent: starts the sandboxed worker (and its host-function process), passes
// frames through shared memory, notices traps, hangs and deaths. Owned by the agent's loop thread; all calls and
// callbacks happen on it. A callback may destroy nothing but may call stop(). The process ignores SIGPIPE, and the loop's
// thread lives as long as the process: workers die with the thread that started them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <uv.h>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/protocol/control.hpp"

namespace proxima::agent {

struct WorkerSpec {
  InstanceId instance;
  Epoch epoch;
  std::string task_name;
  std::string object_path;                ///< a file of the agent's cache whose digest was verified
  std::uint32_t memory_mib = 16;
  std::vector<std::string> functions;     ///< host function groups to attach: "vision"
  protocol::InputSpec input;
  std::uint8_t cpu_percent = 100;         ///< of one core: held by rest after each burst, see docs/architecture.md
  std::uint32_t frame_limit_ms = 1000;    ///< on_open and on_frame, × 100 / cpu_percent: longer is a hang; starting has 10 s
  std::uint32_t output_limit_bytes = 0;
};

struct WorkerProcesses {
  std::uint32_t worker_pid = 0;
  std::uint32_t host_pid = 0;
  protocol::Isolation isolation = protocol::Isolation::none;
};

struct WorkDone {
  std::uint64_t token = 0;
  bool ok = false;                        ///< false: the task said so (code)
  std::int32_t code = 0;
  std::uint32_t executed_us = 0;          ///< from its turn in the worker to the answer
  std::uint32_t waited_us = 0;            ///< in shared memory, behind the frame before it
  std::uint32_t cpu_us = 0;               ///< CPU time of worker and host-function process, as they say
  std::span<const std::uint8_t> output;   ///< valid during the callback
};

struct WorkerCallbacks {
  std::function<void(const WorkerProcesses&)> on_ready;
  std::function<void(const WorkDone&)> on_done;
  /// The processes are gone and reaped, for this reason ("stopped", "trap: out-of-bounds memory access",
  /// "hang: no answer in 1000 ms", "called the forbidden system call socket", "killed by signal 9", …).
  /// `culprit`: the token that was being executed, 0 if none. Comes exactly once, last.
  std::function<void(const std::string& reason, std::uint64_t culprit)> on_gone;
  /// A line that the task logged, without control characters; may be empty.
  std::function<void(int level, std::string_view text)> on_log = {};
};

class WorkerRunner {
 public:
  /// `worker_program` and `vision_program` are absolute paths. Fails only where the processes cannot be made at all.
  static Result<std::unique_ptr<WorkerRunner>> start(uv_loop_t& loop, const std::string& worker_program,
                                                     const std::string& vision_program, const WorkerSpec& spec,
                                                     WorkerCallbacks callbacks);
  virtual ~WorkerRunner() = default;
  /// True if a frame can be handed over now (one runs at a time; one more may wait in shared memory).
  [[nodiscard]] virtual bool idle() const = 0;
  /// Copies the frame to shared memory and wakes the worker. Call only when idle(), with at most
  /// spec.input.max_bytes.
  virtual void submit(std::uint64_t token, const protocol::InputSpec& shape, std::span<const std::uint8_t> bytes) = 0;
  /// Ends the processes at once; on_gone("stopped") follows from the loop.
  virtual void stop() = 0;
};

/// What isolation a worker reaches on this machine: tried out at the agent's start with a real worker process.
[[nodiscard]] protocol::Isolation measure_isolation(const std::string& worker_program);

}  // namespace proxima::agent

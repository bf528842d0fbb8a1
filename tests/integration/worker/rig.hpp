// Runs one real worker on a loop of its own, for tests: start it, hand over frames, see what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <uv.h>

#include "agent/io/worker_runner.hpp"

namespace proxima::test {

struct Answer {
  std::uint64_t token = 0;
  bool ok = false;
  std::int32_t code = 0;
  std::uint32_t executed_us = 0;
  std::uint32_t cpu_us = 0;
  std::vector<std::uint8_t> output;
};

/// A spec that runs the object of this name from the tests' own.
[[nodiscard]] agent::WorkerSpec spec_of(const std::string& object);

class Rig {
 public:
  Rig();
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// Starts; the failure if start() itself refused.
  Result<void> start(const agent::WorkerSpec& spec, const std::string& worker_program = PROXIMA_WORKER);
  /// Runs the loop until the worker is ready; false if it is gone instead.
  bool until_ready();
  /// Hands one frame over and runs the loop until it is answered; nothing if the worker is gone instead.
  std::optional<Answer> run(std::string_view frame);
  void submit(std::uint64_t token, std::string_view frame);
  /// Runs the loop until so many answers have come in all; false if the worker is gone before.
  bool until_answers(std::size_t count);
  /// Runs the loop until the worker is gone, and says why.
  std::string until_gone();
  /// stop(), until_gone() and the runner's end.
  void stop();

  agent::WorkerRunner& runner() { return *runner_; }
  uv_loop_t& loop() { return loop_; }
  std::optional<agent::WorkerProcesses> processes;
  std::vector<Answer> answers;
  std::vector<std::string> log;
  std::optional<std::string> gone;
  std::uint64_t culprit = 0;
  int gone_count = 0;

 private:
  uv_loop_t loop_{};
  std::unique_ptr<agent::WorkerRunner> runner_;
  std::uint64_t next_token_ = 1;
};

/// The value of a line "Name:\tvalue" of /proc/PID/status.
[[nodiscard]] std::string proc_status(std::uint32_t pid, const std::string& name);
/// A whole file, empty if it cannot be read.
[[nodiscard]] std::string read_text(const std::string& path);
/// How many descriptors this process has open.
[[nodiscard]] std::size_t open_descriptors();

}  // namespace proxima::test

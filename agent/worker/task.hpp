// Runs one task's guest: takes frames out of the shared memory, answers them, and rests as its share of the CPU asks.
// Owned by the worker's only thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "agent/worker/channel.hpp"
#include "agent/worker/guest.hpp"
#include "agent/worker/vision_calls.hpp"

namespace proxima::worker {

/// Holds a process to a share of one core by resting after each burst of work.
///
/// A device that gives 20 % of a core shall look to the planner like a device that is five times slower: steady and
/// learnable. A kernel quota would instead let a short frame run at full speed and stall the one that meets the end of
/// the period. So the burst runs unhindered, and its result is held back until cpu / elapsed has come down to the share:
/// then the time that the agent sees is the CPU time × 100 / share, whatever the machine's other load was.
class DutyCycle {
 public:
  /// `percent` of one core, 1 to 100.
  explicit DutyCycle(std::uint32_t percent) : percent_(percent) {}
  /// The burst begins; what the process used since the last one ended is counted to it.
  void begin();
  /// The burst ends: rests. `other_cpu_ns` is what another process used for it. Returns all CPU time of the burst.
  std::uint64_t end(std::uint64_t other_cpu_ns);

 private:
  std::uint32_t percent_;
  std::uint64_t began_ns_ = 0;
  std::uint64_t cpu_counted_ns_ = 0;
};

class Task : private HostCalls {
 public:
  /// `memory` holds the channel; `control` is the doorbell of the agent; both stay with the process. `seal` shuts the process
  /// in; it is called once, when all is loaded and before the object's first instruction.
  Task(SharedMemory memory, const TaskSettings& settings, Doorbell control, VisionCalls vision, std::function<void()> seal);

  /// Loads the guest from `object_fd`, which the caller may close in `seal`. A refusal becomes last words and the process's end.
  void load(int object_fd);
  /// Runs on_open, reports readiness, then serves frames until the agent is gone. Never returns.
  [[noreturn]] void serve();

 private:
  void before_first_call() override { seal_(); }
  void log(int level, std::string_view text) override;
  std::uint64_t now_ns() override;
  std::int32_t call(std::string_view group, std::string_view function, std::span<const std::uint8_t> input,
                    std::span<std::uint8_t> output) override;

  void open();
  void serve_frame(std::size_t slot);
  [[noreturn]] void end(FarewellKind kind, std::string_view text);
  [[nodiscard]] TaskChannel& channel() { return *reinterpret_cast<TaskChannel*>(memory_.at(0)); }

  SharedMemory memory_;
  TaskSettings settings_;
  TaskLayout layout_;
  Doorbell control_;
  VisionCalls vision_;
  std::function<void()> seal_;
  DutyCycle duty_;
  std::uint64_t other_cpu_ns_ = 0;  // of the host-function process, in this burst
  std::size_t log_slot_ = 0;
  std::unique_ptr<Guest> guest_;
};

}  // namespace proxima::worker

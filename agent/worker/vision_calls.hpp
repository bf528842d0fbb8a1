// A worker's side of its host-function process: one call at a time through shared memory. Owned by the worker's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "agent/worker/channel.hpp"

namespace proxima::worker {

class VisionCalls {
 public:
  /// Without a process: every call is "not offered here".
  VisionCalls() = default;
  /// `doorbell` is the worker's side of the one with the host-function process.
  VisionCalls(SharedMemory memory, Doorbell doorbell) : memory_(std::move(memory)), doorbell_(doorbell) {}

  /// As HostCalls::call. Adds the CPU time that the other process says it used to `cpu_ns`.
  std::int32_t call(std::string_view function, std::span<const std::uint8_t> input, std::span<std::uint8_t> output,
                    std::uint64_t& cpu_ns);

 private:
  SharedMemory memory_;
  Doorbell doorbell_;
};

}  // namespace proxima::worker

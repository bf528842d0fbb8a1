// A task inside its worker process: loads the native object that the builder made, instantiates the module, calls it.
// Owned by the worker's main thread and used on it alone. Traps come back as values; the caller then ends the process.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.hpp"

namespace proxima::worker {

/// What a guest can reach beyond its own memory. Implemented by the worker; each call happens on the worker's thread.
class HostCalls {
 public:
  virtual ~HostCalls() = default;
  /// Comes once, from Guest::load(), before the first instruction of the object runs: the last moment to shut the process in.
  virtual void before_first_call() {}
  /// A line for the log, already cut to 200 bytes and stripped of control characters.
  virtual void log(int level, std::string_view text) = 0;
  /// Monotonic time of this process in nanoseconds.
  virtual std::uint64_t now_ns() = 0;
  /// Calls `function` of host group `group` ("vision", "hog_people") with `input`; writes at most output.size() bytes.
  /// Returns the bytes written, or a negative status: −1 bad input, −2 not offered here, −3 the host process died.
  virtual std::int32_t call(std::string_view group, std::string_view function, std::span<const std::uint8_t> input,
                            std::span<std::uint8_t> output) = 0;
};

struct GuestLimits {
  std::uint32_t memory_mib = 16;  ///< a module that declares more is refused
};

struct FrameInfo {
  std::uint8_t format = 0;  ///< protocol::FrameFormat
  std::uint16_t width = 0;
  std::uint16_t height = 0;
};

struct GuestOutcome {
  enum class Kind { ok, failed, trapped } kind = Kind::ok;
  std::int32_t code = 0;                  ///< failed: what on_frame returned
  std::string reason;                     ///< trapped: "out-of-bounds memory access", "unreachable", "stack exhausted", …
  std::span<const std::uint8_t> output;   ///< ok: valid until the next call
};

class Guest {
 public:
  /// Checks the object (gate: only the expected symbols, no needed libraries, no initialisers), loads it, reserves memory
  /// and runs `_initialize`. `object_fd` is readable and stays the caller's.
  static Result<std::unique_ptr<Guest>> load(int object_fd, const GuestLimits& limits, HostCalls& host);
  virtual ~Guest() = default;
  /// Calls the guest's on_open with the stream's input shape.
  virtual GuestOutcome open(const FrameInfo& input) = 0;
  /// Copies the frame into the guest and calls on_frame.
  virtual GuestOutcome frame(const FrameInfo& info, std::span<const std::uint8_t> bytes) = 0;
  virtual GuestOutcome close() = 0;
};

}  // namespace proxima::worker

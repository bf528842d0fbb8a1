// How a guest is left from inside: by a trap that generated code asks for, or by the fault that a bad address raises.
// One thread at a time runs guests; the state behind these functions belongs to it.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <string>

#include "agent/worker/runtime/memory.hpp"
#include "common/base/result.hpp"

namespace proxima::worker {

/// Where control returns to, and what the fault handler may take for the guest's doing.
struct GuestCall {
  sigjmp_buf leave;
  const LinearMemory* memory = nullptr;
  std::uint32_t trap = PROXIMA_TRAP_NONE;
  std::int32_t code = 0;  ///< PROXIMA_TRAP_TASK: what the task gave
};

/// Installs the fault handlers and an alternate stack, and learns this thread's stack. Needed once a thread, before it
/// runs a guest; makes system calls that a sandbox may forbid later.
Result<void> prepare_traps();

/// The call under way on this thread, nullptr if none.
[[nodiscard]] GuestCall* current_call();
void set_current_call(GuestCall* call);

/// While true, a fault is the guest's. Cleared while a host function runs.
void set_in_guest(bool in_guest);

/// Leaves the call under way. Frames in between are skipped: they must own nothing.
[[noreturn]] void leave_guest(std::uint32_t trap, std::int32_t code = 0);

/// "out-of-bounds memory access", "the task called trap(101)", …
[[nodiscard]] std::string trap_text(std::uint32_t trap, std::int32_t code);

}  // namespace proxima::worker

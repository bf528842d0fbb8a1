// Shuts a process in before it touches anything hostile: no privileges, no namespaces of the host, bounded resources, and in
// the end only the system calls on a list. Used by proxima-worker and proxima-host-vision on their only thread, in the
// order leave_privileges(), then whatever has to be loaded, then close_sandbox(). Nothing here can be undone.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agent/worker/channel.hpp"
#include "common/base/result.hpp"

namespace proxima::worker {

/// How far a process is shut in; the numbers of protocol::Isolation.
enum class SandboxLevel : std::uint8_t { none = 0, process = 1, full = 2 };

struct SandboxLimits {
  std::uint64_t data_bytes = 0;      ///< private writable memory; 0: as inherited
  std::uint32_t user_seed = 0;       ///< picks the user id, when started as root
  std::uint32_t parent_pid = 0;      ///< whose death ends this process; 0: none
};

/// A system call that stays allowed, by its kernel name; a name that this architecture does not have is skipped.
struct AllowedCall {
  enum class When : std::uint8_t { always, argument_equals, argument_lacks_bits };
  std::string_view name;
  When when = When::always;
  unsigned argument = 0;             ///< counted from 0
  std::uint64_t value = 0;
};

/// Gives up root (own user and group id, no supplementary groups, own network and IPC namespaces), sets no_new_privs,
/// the resource limits and the signal for the parent's death. Fails only where the process would keep privileges.
Result<void> leave_privileges(const SandboxLimits& limits);

/// Takes away the file system (Landlock, where the kernel has it) and every system call that is not in `allowed`. A forbidden
/// call writes its number to `farewell`, which must stay mapped, and ends the process with forbidden_call_exit.
/// Returns `process` where the kernel has no seccomp.
SandboxLevel close_sandbox(std::span<const AllowedCall> allowed, Farewell& farewell);

/// The calls that every sandboxed program of ours makes: memory without execution, clocks, waiting, ending, and reading and
/// writing its own doorbells (sides without a descriptor are left out).
[[nodiscard]] std::vector<AllowedCall> needed_calls(std::span<const Doorbell> doorbells);

inline constexpr int forbidden_call_exit = 71;

}  // namespace proxima::worker

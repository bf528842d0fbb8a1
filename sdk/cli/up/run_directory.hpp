// Where a running region keeps its things on this machine, and how the verbs find it.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.hpp"

namespace proxima::cli {

/// `${XDG_RUNTIME_DIR:-/tmp}/proxima-<uid>`: the place of the `current` link and of the default run directory.
[[nodiscard]] std::string user_directory();

/// `chosen` if not empty, else $PROXIMA_DIR, else user_directory()/region.
[[nodiscard]] std::string run_directory(const std::string& chosen);

/// The same for verbs that look for a running region: chosen, $PROXIMA_DIR, then what the `current` link names.
[[nodiscard]] std::string find_run_directory(const std::string& chosen);

struct RunProcess {
  std::string name;
  std::string role;  ///< broker, coordinator, builder, netlab, agent
  pid_t pid = 0;
  std::vector<std::string> argv;
};

/// What `region.json` tells.
struct RunState {
  std::string region;
  std::string api;
  std::string broker;
  pid_t pid = 0;  ///< of the supervisor
  std::vector<RunProcess> processes;
  double started_ms = 0;  ///< wall clock, milliseconds since 1970
};

[[nodiscard]] Result<void> write_run_state(const std::string& directory, const RunState& state);
[[nodiscard]] Result<RunState> read_run_state(const std::string& directory);

/// Holds the directory for one supervisor; a second one is refused with the first one's pid.
class RunLock {
 public:
  static Result<RunLock> take(const std::string& directory);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Makes `current` name this directory: the newest region is the one that verbs find without --dir.
[[nodiscard]] Result<void> make_current(const std::string& directory);
/// Removes `current` if it names this directory.
void forget_current(const std::string& directory);

/// Ends (SIGKILL) what a supervisor that was killed left behind, and says how many: the processes of `region.json` that still
/// run with the arguments written there. Most die with their supervisor; mosquitto, which changes its user, does not. Only for
/// the holder of the lock.
int end_leftovers(const std::string& directory);

/// A process with this pid exists.
[[nodiscard]] bool is_alive(pid_t pid);

}  // namespace proxima::cli

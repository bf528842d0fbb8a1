// A program that a test runs: spawned with its output captured in a file, killed and reaped with the object. Owned by the
// test; one thread. It dies with the test's thread too (PR_SET_PDEATHSIG).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace proxima::tests {

class Process {
 public:
  /// argv[0] is a path or a name looked up in PATH (and in /usr/sbin). stdin is /dev/null; stdout and stderr go to one
  /// file under TMPDIR. `environment` entries ("NAME=value") are added to the test's own. Throws std::runtime_error.
  explicit Process(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {});
  /// SIGKILL, if it still runs, and reaped.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  /// Sends the signal; nothing if it has ended.
  void signal(int number);
  /// The exit status, or 128 + signal; nullopt if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(30));
  /// All that it has written so far.
  [[nodiscard]] std::string output() const;
  /// Waits until output() contains `text`; false if the process ended or `limit` passed without it.
  bool wait_for_output(const std::string& text, std::chrono::milliseconds limit = std::chrono::seconds(30));

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::string output_path_;
};

/// Runs a command to its end and returns its status (124 if it had to be killed after `limit`) and output.
struct Finished {
  int status = 0;
  std::string output;
};
Finished run(const std::vector<std::string>& argv, std::chrono::milliseconds limit = std::chrono::seconds(60));

}  // namespace proxima::tests

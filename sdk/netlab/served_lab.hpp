// A lab served by the real program, for the probe and the tests: starts it in a temporary directory, stops it when
// destroyed. Blocking; one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::netlab {

class ServedLab {
 public:
  struct Node {
    std::string name;
    std::string frames;
    std::string echo;
    std::string api;
    std::string broker;
  };

  /// Runs `program serve` on a lab of this text, with these further arguments, and waits until all is open.
  [[nodiscard]] static Result<ServedLab> start(const std::string& program, const std::string& lab_text,
                                               const std::vector<std::string>& more_arguments = {});
  ServedLab(ServedLab&& other) noexcept;
  ServedLab& operator=(ServedLab&&) = delete;
  ~ServedLab();

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] std::string socket() const { return directory_ + "/lab.sock"; }
  [[nodiscard]] std::string lab_file() const { return directory_ + "/lab.toml"; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Kills it without a warning and starts it anew at the same socket, which the dead one has left behind.
  [[nodiscard]] Result<void> kill_and_restart();

  /// Asks it to stop and returns its exit status, or -1 where a signal ended it.
  int stop();

 private:
  ServedLab() = default;
  [[nodiscard]] Result<void> launch();

  std::vector<std::string> arguments_;
  std::string directory_;
  pid_t pid_ = -1;
  std::vector<Node> nodes_;
};

/// Runs a program to its end; its exit status (-1: a signal), and what it wrote on stdout and stderr together.
struct Finished {
  int status = -1;
  std::string output;
};
[[nodiscard]] Finished run_program(const std::vector<std::string>& arguments);

}  // namespace proxima::netlab

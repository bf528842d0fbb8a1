// A process of the region, started and watched by `proxima up`: its lines on stdout come as callbacks, its stderr goes to
// a log file of bounded size, its death is told once. It never outlives the supervisor (parent-death signal).
// Owned by the supervisor; everything on the loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>
#include <uv.h>

#include "common/base/result.hpp"
#include "common/io/loop.hpp"

namespace proxima::cli {

struct ChildSpec {
  std::vector<std::string> argv;          ///< argv[0] is an absolute path
  std::string log_path;                   ///< stderr; begun anew beyond 4 MiB, the older half kept as <log_path>.1
  std::function<void(const std::string&)> on_line;
  std::function<void(const std::string& how)> on_exit;  ///< "exit status 1", "killed by signal 9"; the process is reaped
};

class Child {
 public:
  static Result<std::unique_ptr<Child>> start(io::Loop& loop, ChildSpec spec);
  /// Kills what still runs and reaps it; on_exit is not called then.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::vector<std::string>& argv() const { return spec_.argv; }
  void signal(int number) const;

 private:
  struct Watch;
  Child(io::Loop& loop, ChildSpec spec);
  void watch(Watch*& place, int fd, std::function<void()> on_readable);
  void drop(Watch*& place);
  void read_stdout();
  void read_stderr();
  void reap();

  io::Loop& loop_;
  ChildSpec spec_;
  pid_t pid_ = -1;
  int log_fd_ = -1;
  std::size_t log_bytes_ = 0;
  std::string line_;
  Watch* out_ = nullptr;
  Watch* err_ = nullptr;
  Watch* death_ = nullptr;
};

}  // namespace proxima::cli

// A peer program (tests/bench/peers) beside the benchmark: told over a pipe how many frames to exchange, read for how long
// each took. Killed and reaped with the object. One thread.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>

namespace proxima::bench {

class PeerProcess {
 public:
  /// Returns once the peer is connected to its server; throws std::runtime_error.
  PeerProcess(std::string name, const std::vector<std::string>& argv);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Exchanges so many frames; microseconds each, execution taken off. Throws if the peer fails.
  std::vector<double> exchange(int frames);

 private:
  std::string read_line();

  std::string name_;
  pid_t pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace proxima::bench

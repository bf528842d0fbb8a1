// Ports and brokers for tests. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::tests {

/// A TCP port of 127.0.0.1 that was free a moment ago: only for programs that cannot bind port 0 and say which they got.
[[nodiscard]] std::uint16_t free_port();

/// Asks `condition` every 5 ms until it is true; false after `limit`. For what nothing can be waited on.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 5);
  }
  return true;
}

/// True if something accepts connections there.
[[nodiscard]] bool accepts_connections(std::uint16_t port);

/// A real mosquitto on 127.0.0.1, anonymous, no persistence, Nagle off; ready when constructed.
class Broker {
 public:
  /// `extra` lines go to the end of its configuration. Tries other ports if one is taken meanwhile.
  explicit Broker(const std::vector<std::string>& extra = {});
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] Process& process() { return *process_; }
  /// SIGKILL, and gone when this returns.
  void kill();
  /// Starts it again on the same port.
  void restart();

 private:
  void start();
  TempDir directory_;
  std::vector<std::string> extra_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace proxima::tests

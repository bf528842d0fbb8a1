// Answers UDP echoes of exactly limits::echo_bytes, never with more than came, as often as the gate allows. Everything
// else is ignored and counted. Owned by the driver; loop thread.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/core/echo_gate.hpp"
#include "common/base/result.hpp"
#include "common/io/address.hpp"
#include "common/io/loop.hpp"
#include "common/io/udp_socket.hpp"

namespace proxima::agent {

struct EchoCounts {
  std::uint64_t answered = 0;
  std::uint64_t over_rate = 0;
  std::uint64_t ignored = 0;  ///< not an echo
};

class EchoResponder {
 public:
  static Result<std::unique_ptr<EchoResponder>> open(io::Loop& loop, const io::Address& local, const EchoLimits& limits);
  [[nodiscard]] io::Address local() const { return socket_->local(); }
  [[nodiscard]] const EchoCounts& counts() const { return counts_; }

 private:
  explicit EchoResponder(const EchoLimits& limits);
  void answer(const io::Address& from, io::View bytes);
  EchoGate gate_;
  EchoCounts counts_;
  std::unique_ptr<io::UdpSocket> socket_;
};

}  // namespace proxima::agent

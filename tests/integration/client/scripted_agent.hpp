// An agent's data plane and echo that do what a test says, over real sockets on the test's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/io/udp_socket.hpp"
#include "common/io/zmq_sockets.hpp"
#include "common/protocol/frames.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::client {

class ScriptedAgent {
 public:
  ScriptedAgent(io::Loop& loop, io::ZmqContext& context, std::uint32_t epoch);

  [[nodiscard]] GrantInfo grant(const std::string& name) const;
  [[nodiscard]] std::string echo_endpoint() const { return echo_->local().text(); }
  /// Answers all that was held back while it was silent.
  void speak();

  bool silent = false;                       ///< takes everything, answers later
  int not_ready = 0;                         ///< how many hellos are answered so
  std::string failure;                       ///< not empty: frames fail with this reason
  std::function<bool(int)> echo_answers = [](int) { return true; };  ///< is the n-th echo answered?
  std::uint32_t execute_us = 1500;

  std::vector<protocol::Frame> frames;       ///< all that came, in order
  std::vector<std::uint32_t> transfers;      ///< their sizes
  int hellos = 0;
  int echoes = 0;

 private:
  struct Held {
    std::string peer;
    std::vector<std::uint8_t> header;
    std::vector<std::uint8_t> payload;
  };
  void received(std::string_view peer, io::Parts parts);
  void answer(std::string_view peer, const protocol::AgentMessage& message, std::vector<std::uint8_t> payload = {});
  void send(const Held& one);

  Epoch epoch_;
  InstanceId instance_;
  std::vector<Held> held_;
  std::unique_ptr<io::RouterSocket> router_;
  std::unique_ptr<io::UdpSocket> echo_;
};

}  // namespace proxima::client

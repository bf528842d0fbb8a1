// Relays a node's UDP echoes: one socket for the clients, and behind it one socket for each client, so that an answer
// finds its way back. Owned by its path; loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sdk/netlab/io/connection.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_echo_clients = 256;  ///< of one node; the one that was silent longest makes room

class EchoRelay {
 public:
  /// `socket` is bound. `lanes` and `carried` outlive the relay.
  EchoRelay(uv_loop_t* loop, Fd socket, Lanes& lanes, Carried& carried);

  [[nodiscard]] Endpoint endpoint() const { return local_endpoint(socket_); }
  /// Where datagrams go from now on; without it they are dropped.
  void set_backend(const Endpoint& backend) { backend_ = backend; }

  /// A datagram has arrived at the server's side, at the client's, or was lost on the way.
  void arrived_up(const Release& release);
  void arrived_down(const Release& release);

 private:
  struct Client {
    Fd socket;
    std::unique_ptr<Watch> watch;
    Instant last_used;
  };
  struct Datagram {
    std::vector<char> bytes;
    Endpoint client;
  };

  void read_clients();
  void read_backend(const Endpoint& client, Client& through);
  [[nodiscard]] Client* client_of(const Endpoint& client);
  void send_off(Direction& lane, std::size_t size, const Endpoint& client, Instant arrival);
  [[nodiscard]] std::optional<Datagram> take(const Release& release);

  uv_loop_t* loop_;
  Lanes& lanes_;
  Carried& carried_;
  Fd socket_;
  Watch watch_;
  std::optional<Endpoint> backend_;
  std::map<Endpoint, Client> clients_;
  std::unordered_map<std::uint64_t, Datagram> on_the_way_;
  std::uint64_t next_id_ = 1;
  std::vector<char> buffer_;
};

}  // namespace proxima::netlab

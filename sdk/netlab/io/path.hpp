// One way to one node: its two lanes, the connections and echoes in them, and the listeners that take new ones. A node
// has two paths: the frames' path with its distance, and the control path without any. Owned by the lab; loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sdk/netlab/io/connection.hpp"
#include "sdk/netlab/io/echo_relay.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_path_connections = 512;  ///< more wait in the kernel's backlog

class Path {
 public:
  Path(uv_loop_t* loop, const LinkShape& shape, std::uint64_t seed);

  /// Binds a listener to a free port of 127.0.0.1. It refuses connections until it has a target. Returns its index.
  [[nodiscard]] Result<std::size_t> add_listener();
  /// Binds the socket for echoes.
  [[nodiscard]] Result<void> add_echo();

  [[nodiscard]] Endpoint listener_endpoint(std::size_t index) const { return local_endpoint(listeners_[index]->socket); }
  [[nodiscard]] Endpoint echo_endpoint() const { return echo_->endpoint(); }

  /// Where new connections of that listener go; open ones stay as they are.
  [[nodiscard]] Result<void> set_target(std::size_t index, const Endpoint& target);
  [[nodiscard]] std::optional<Endpoint> target(std::size_t index) const { return listeners_[index]->target; }
  void set_echo_backend(const Endpoint& backend) { echo_->set_backend(backend); }

  void set_shape(const LinkShape& shape);
  void cut();
  void heal();
  [[nodiscard]] bool is_cut() const { return lanes_.up.is_cut(); }

  /// Delivers what is due at `now`. True when TCP bytes were among it.
  bool tick(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] const Carried& carried() const { return carried_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Listener {
    Fd socket;
    std::unique_ptr<Watch> watch;
    std::optional<Endpoint> target;
  };

  void accept_some(Listener& listener);
  void deliver();
  void settle();

  uv_loop_t* loop_;
  Lanes lanes_;
  Carried carried_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<EchoRelay> echo_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_connection_ = 1;
  Instant accept_again_at_ = Instant::never();  // set while the process is out of descriptors
  std::vector<Release> arrived_up_;
  std::vector<Release> arrived_down_;
};

}  // namespace proxima::netlab

// One relayed TCP connection: two sockets, the bytes between them, and where each byte is on its way. Owned by its
// path; loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sdk/netlab/core/direction.hpp"
#include "sdk/netlab/io/byte_queue.hpp"
#include "sdk/netlab/io/sockets.hpp"
#include "sdk/netlab/io/watch.hpp"

namespace proxima::netlab {

/// The two ways of a link. What goes up arrives at the server, the agent's side.
struct Lanes {
  Direction up;
  Direction down;
  bool touched = false;  ///< a socket did something: connections must be settled
};

/// What a path has carried, for `status`.
struct Carried {
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::uint64_t datagrams_up = 0;
  std::uint64_t datagrams_down = 0;
  std::uint64_t datagrams_lost = 0;
};

class Connection {
 public:
  using Target = std::function<std::optional<Endpoint>()>;

  /// `client` is accepted already; the server is dialled when the connection's first packet has travelled up.
  /// `target` is asked then. `lanes` and `carried` outlive the connection.
  Connection(uv_loop_t* loop, std::uint64_t id, Fd client, Lanes& lanes, Carried& carried, Target target);

  /// Something of this connection has arrived at the server (up) or at the client.
  void arrived_up(const Release& release) { arrived(server_, release); }
  void arrived_down(const Release& release) { arrived(client_, release); }

  /// After every batch: writes what has arrived, closes what is over, and decides what to wait for.
  void settle();

  /// Both sockets are closed; nothing will come any more.
  [[nodiscard]] bool finished() const { return client_.closed && server_.closed; }

 private:
  struct End {
    Fd socket;
    std::unique_ptr<Watch> watch;
    ByteQueue out;             // for this end: still under way, then arrived and not yet written
    std::size_t arrived = 0;   // how much of `out` may be written
    bool connected = false;
    bool read_finished = false;   // its FIN was read, or its error
    bool write_finish_due = false;
    bool write_finished = false;  // our FIN was sent to it
    bool broken = false;          // the socket failed: it was reset, or refused
    bool reset_due = false;
    bool closed = false;
  };

  [[nodiscard]] End& other(const End& end) { return &end == &client_ ? server_ : client_; }
  [[nodiscard]] Direction& lane_from(const End& end) { return &end == &client_ ? lanes_.up : lanes_.down; }
  [[nodiscard]] Direction& lane_to(const End& end) { return &end == &client_ ? lanes_.down : lanes_.up; }
  void watch(End& end);
  void ready(End& end, int events);
  void connect_done(End& end);
  void read_some(End& end);
  void dial();
  void broke(End& end);
  void arrived(End& end, const Release& release);
  void write_some(End& end);
  void settle_end(End& end);
  [[nodiscard]] bool may_read(End& end);
  static void close(End& end, bool with_reset);

  uv_loop_t* loop_;
  std::uint64_t id_;
  Lanes& lanes_;
  Carried& carried_;
  Target target_;
  End client_;
  End server_;
};

}  // namespace proxima::netlab

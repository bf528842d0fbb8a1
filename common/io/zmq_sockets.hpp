// ZeroMQ ROUTER and DEALER on the loop. Owned by an adapter; all calls and callbacks on the loop thread.
//
// ZMQ_FD is edge-triggered and any send or receive can consume the edge. So a prepare handle reads ZMQ_EVENTS before each
// wait of the loop (whatever was sent in between), an idle handle keeps the loop from sleeping while something is ready,
// and a check handle receives after the wait, a bounded number of messages a round so that timers get their turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/bytes.hpp"
#include "common/io/loop.hpp"

namespace proxima::io {

/// ZeroMQ's own threads: one a process, made by main before any socket and destroyed after all.
class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  [[nodiscard]] void* raw() const { return context_; }

 private:
  void* context_;
};

struct ZmqOptions {
  int send_queue = 16;                           ///< messages that wait for one peer; beyond: SendOutcome::full
  int receive_queue = 16;
  int kernel_send_bytes = 0;                     ///< 0: the kernel's own; small keeps frames fresh
  int kernel_receive_bytes = 0;
  std::int64_t max_part_bytes = 5U << 20U;       ///< a peer that sends a larger part is cut off
  std::size_t max_parts = 2;                     ///< a message with more is dropped and counted
  Duration handshake = Duration::seconds(2);     ///< a connection that is not ready by then is closed
  Duration heartbeat_interval = {};              ///< 0: no ZMTP heartbeats
  Duration heartbeat_timeout = {};
  Duration reconnect_min = Duration::millis(20); ///< DEALER: after a lost or refused connection
  Duration reconnect_max = Duration::millis(500);
};

enum class SendOutcome {
  sent,         ///< queued or on its way; no promise that it arrives
  full,         ///< the peer's queue is full, or the DEALER is not connected: nothing was taken
  unreachable,  ///< ROUTER: no such peer (any more)
};

/// The parts of one message without the peer's name; valid during the callback only.
using Parts = std::span<const View>;

class RouterSocket {
 public:
  /// `peer`: opaque bytes, made by ZeroMQ for each connection, to be given back to send().
  using OnMessage = std::function<void(std::string_view peer, Parts parts)>;

  /// `endpoint` is "127.0.0.1:0" or the like; port 0 takes a free one.
  static Result<std::unique_ptr<RouterSocket>> bind(Loop& loop, ZmqContext& context, const std::string& endpoint,
                                                    const ZmqOptions& options, OnMessage on_message);
  ~RouterSocket();
  RouterSocket(const RouterSocket&) = delete;
  RouterSocket& operator=(const RouterSocket&) = delete;

  /// One part. Copies.
  SendOutcome send(std::string_view peer, View header);
  /// Two parts. Copies both.
  SendOutcome send(std::string_view peer, View header, View payload);
  /// Two parts; the payload is not copied and is let go by ZeroMQ's thread.
  SendOutcome send(std::string_view peer, View header, SharedBytes payload);
  /// Where it is bound: "127.0.0.1:41235".
  [[nodiscard]] const std::string& endpoint() const;
  /// Messages with too many parts.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Impl;
  explicit RouterSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

enum class DealerEvent {
  connected,     ///< handshake done: send() works
  disconnected,  ///< it was connected: closed, reset or heartbeat missed; ZeroMQ tries again by itself
  refused,       ///< an attempt failed; ZeroMQ tries again by itself
};

class DealerSocket {
 public:
  struct Callbacks {
    std::function<void(Parts parts)> on_message;
    std::function<void(DealerEvent)> on_event;
  };

  /// Begins to connect to "127.0.0.1:4000". Messages go only to a finished connection: before, send() says full; what
  /// was queued when a connection dies is lost, and the caller, who hears of it, sends again.
  static Result<std::unique_ptr<DealerSocket>> connect(Loop& loop, ZmqContext& context, const std::string& endpoint,
                                                       const ZmqOptions& options, Callbacks callbacks);
  ~DealerSocket();
  DealerSocket(const DealerSocket&) = delete;
  DealerSocket& operator=(const DealerSocket&) = delete;

  SendOutcome send(View header);
  SendOutcome send(View header, View payload);
  SendOutcome send(View header, SharedBytes payload);
  [[nodiscard]] bool connected() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Impl;
  explicit DealerSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxima::io

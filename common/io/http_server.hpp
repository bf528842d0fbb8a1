// A small HTTP/1.1 server on the loop: JSON API, files, long polls and server-sent events. Owned by an adapter; all calls
// and callbacks on the loop thread, so a handler may touch the process's state, and must not block.
//
// Connections cost no thread: a slow or silent one holds a few kilobytes and is cut by a deadline. Bounded: connections,
// header and body sizes, and what waits for a slow reader. docs/adr/0002-event-loop.md says why it is ours.
//
// Web pages of others cannot use it: a request whose Origin is not its Host is refused, and so is a Host that is neither
// an IP address nor "localhost" (a page could make its own name mean this machine).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/address.hpp"
#include "common/io/http_message.hpp"
#include "common/io/loop.hpp"

namespace proxima::io {

struct HttpOptions {
  std::size_t body_bytes = 16U << 20U;
  std::size_t header_bytes = 16U << 10U;
  std::size_t bodies_bytes = 64U << 20U;           ///< of all bodies that are on their way in, together
  std::size_t connections = 512;                   ///< beyond: the newest is closed at once
  Duration request_time = Duration::seconds(10);   ///< from the first byte of a request to its last header
  Duration body_time = Duration::seconds(60);      ///< for the whole body
  Duration idle_time = Duration::seconds(60);      ///< between requests of one connection
  Duration write_time = Duration::seconds(30);     ///< a reader that takes nothing for so long is cut
  Duration sse_comment = Duration::seconds(5);     ///< a comment line that often, so that both ends notice a dead one
  std::size_t events_queued_bytes = 256U << 10U;   ///< for one subscriber; a slower one is cut and counted
};

class HttpConnection;

/// A stream of server-sent events to one subscriber. A handle: copies mean the same stream; it may outlive the connection.
class EventStream {
 public:
  /// Queues one event; `event` may be empty (a plain message); `data` may have lines. False if the subscriber is gone or
  /// was just cut for being too slow.
  bool send(std::string_view event, std::string_view data);
  [[nodiscard]] bool open() const;
  /// Ends it from this side, after what is queued.
  void close();

 private:
  friend class Responder;
  explicit EventStream(std::weak_ptr<HttpConnection> connection) : connection_(std::move(connection)) {}
  std::weak_ptr<HttpConnection> connection_;
};

/// The right to answer one request, now or later, once. A handle: copies mean the same request; it may outlive the
/// connection (the answer then goes nowhere). If the last copy goes without an answer, the client gets a 500.
class Responder {
 public:
  void send(HttpResponse response);
  /// {"schema":"proxima/v1/error","error":{"what":…,"why":…,"hint":…}} with this status.
  void fail(int status, const Error& error);
  /// Answers 200 with text/event-stream and keeps the connection for events.
  EventStream stream();
  /// False once answered or once the client has gone: a long poll may then be forgotten.
  [[nodiscard]] bool waiting() const;

 private:
  friend class HttpConnection;
  struct Claim;
  explicit Responder(std::shared_ptr<Claim> claim) : claim_(std::move(claim)) {}
  std::shared_ptr<Claim> claim_;
};

class HttpServer {
 public:
  using Handler = std::function<void(const HttpRequest& request, Responder responder)>;

  /// Listens on `local` (port 0: a free one). Register the routes before the loop runs.
  static Result<std::unique_ptr<HttpServer>> listen(Loop& loop, const Address& local, HttpOptions options = {});
  /// Cuts all connections.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// `pattern` is a path in which {name} stands for one segment: "/v1/tasks/{task}". The first that fits is taken.
  /// A path that fits under another method gives 405, none gives 404; HEAD is answered by GET's handler.
  void route(std::string method, std::string pattern, Handler handler);
  [[nodiscard]] Address local() const;
  [[nodiscard]] std::size_t connections() const;
  /// Subscribers cut for being too slow, and connections cut by a deadline or refused by the limit.
  [[nodiscard]] std::uint64_t slow_subscribers() const;
  [[nodiscard]] std::uint64_t cut_connections() const;

  class Impl;

 private:
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxima::io

// One connection of HttpServer: reads a request, hands it to the routes, writes the answer, one after the other; or keeps
// on as a stream of events. Internal to http_server.cpp and http_connection.cpp. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "common/io/http_parser.hpp"
#include "common/io/http_server.hpp"

namespace proxima::io {

/// What the connections of one server share.
struct HttpShared {
  HttpOptions options;
  std::function<void(const HttpRequest&, Responder)> dispatch;
  std::set<std::shared_ptr<HttpConnection>> open;
  std::size_t bodies_held = 0;
  std::uint64_t slow_subscribers = 0;
  std::uint64_t cut = 0;
};

/// One request's right to an answer. The last Responder that goes without one answers 500.
struct Responder::Claim {
  std::weak_ptr<HttpConnection> connection;
  std::uint64_t number = 0;
  bool used = false;
  Claim(std::weak_ptr<HttpConnection> from, std::uint64_t request) : connection(std::move(from)), number(request) {}
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  /// Takes the connection that waits on `listener`; null if there was none. It keeps itself alive in shared->open.
  static std::shared_ptr<HttpConnection> accept(Loop& loop, uv_stream_t& listener, std::shared_ptr<HttpShared> shared);

  HttpConnection(Loop& loop, std::shared_ptr<HttpShared> shared);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Cuts it now.
  void close();

  /// For Responder: answers request `number`, if it is still the one that waits.
  void answer(std::uint64_t number, const HttpResponse& response);
  bool begin_events(std::uint64_t number);
  [[nodiscard]] bool waits_for(std::uint64_t number) const { return phase_ == Phase::answering && number == number_; }

  /// For EventStream.
  bool send_event(std::string_view text);
  [[nodiscard]] bool streaming() const { return phase_ == Phase::streaming; }
  void end_events();

 private:
  enum class Phase {
    reading,    ///< a request, or the wait for one
    answering,  ///< a handler has the request
    streaming,  ///< server-sent events
    lingering,  ///< all is written; what still comes is thrown away, so that the client can read the answer
    closed,
  };

  /// What the deadline is for.
  enum class Wait { nothing, next_request, head, body, writing, events, lingering };

  void start_reading();
  void received(std::string_view bytes);
  void received_end();
  void advance();
  void refuse(int status, const std::string& why, const std::string& hint);
  void hand_over();
  void write(std::string bytes);
  void linger();
  [[nodiscard]] Wait wait_of_now() const;
  void watch();
  void on_deadline();
  void on_events_pause();
  [[nodiscard]] std::size_t unsent() const { return uv_stream_get_write_queue_size(stream()); }
  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
  [[nodiscard]] const uv_stream_t* stream() const { return reinterpret_cast<const uv_stream_t*>(&handle_); }

  std::shared_ptr<HttpShared> shared_;
  uv_tcp_t handle_{};
  std::shared_ptr<HttpConnection> until_closed_;  // libuv holds the handle until its close callback
  HttpParser parser_;
  std::unique_ptr<Timer> deadline_;               // none once closed
  std::string pending_;                           // received beyond the present request
  Phase phase_ = Phase::reading;
  std::uint64_t number_ = 0;
  bool advancing_ = false;
  bool keep_ = true;
  bool head_only_ = false;
  bool body_begun_ = false;
  std::size_t body_counted_ = 0;
  bool peer_done_ = false;                        // the client sends nothing more
  Wait wait_ = Wait::nothing;
  std::size_t unsent_before_ = 0;
  Duration stalled_{};
  Address remote_;
};

}  // namespace proxima::io

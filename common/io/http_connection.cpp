#include "common/io/http_connection.hpp"

#include <array>
#include <utility>

namespace proxima::io {
namespace {

constexpr std::size_t pending_max = 64U << 10U;  // a client that sends ahead waits in its own kernel beyond that
constexpr Duration linger_time = Duration::seconds(2);

std::string_view status_text(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

// A line break in a value would be a header of its own.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string head_of(const HttpResponse& response, bool keep) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(status_text(response.status));
  out += "\r\nContent-Type: " + one_line(response.content_type);
  out += "\r\nX-Content-Type-Options: nosniff";
  for (const auto& [name, value] : response.headers) out += "\r\n" + one_line(name) + ": " + one_line(value);
  out += keep ? "\r\nConnection: keep-alive" : "\r\nConnection: close";
  return out;
}

// One piece for all connections of the loop: libuv reads into it and hands it over at once.
std::array<char, 65536>& read_buffer() {
  thread_local std::array<char, 65536> buffer;
  return buffer;
}

template <class Request>
struct Pending {
  Request request{};
  std::shared_ptr<HttpConnection> connection;
  std::string bytes;
};

}  // namespace

Responder::Claim::~Claim() {
  const auto open = connection.lock();
  if (!used && open) open->answer(number, error_response(500, {"no answer", "the server dropped the request", ""}));
}

HttpConnection::HttpConnection(Loop& loop, std::shared_ptr<HttpShared> shared)
    : shared_(std::move(shared)),
      parser_(shared_->options.header_bytes, shared_->options.body_bytes),
      deadline_(std::make_unique<Timer>(loop, [this] { on_deadline(); })) {
  uv_tcp_init(&loop.raw(), &handle_);
  handle_.data = this;
}

std::shared_ptr<HttpConnection> HttpConnection::accept(Loop& loop, uv_stream_t& listener,
                                                       std::shared_ptr<HttpShared> shared) {
  auto connection = std::make_shared<HttpConnection>(loop, std::move(shared));
  connection->until_closed_ = connection;
  HttpShared& common = *connection->shared_;
  const bool accepted = uv_accept(&listener, connection->stream()) == 0;
  const bool room = common.open.size() < common.options.connections;
  common.open.insert(connection);
  if (!accepted || !room) {
    ++common.cut;
    connection->close();
    return nullptr;
  }
  sockaddr_storage peer{};
  int size = sizeof(peer);
  auto* raw = reinterpret_cast<sockaddr*>(&peer);
  if (uv_tcp_getpeername(&connection->handle_, raw, &size) == 0) connection->remote_ = Address::from(*raw);
  uv_tcp_nodelay(&connection->handle_, 1);
  connection->start_reading();
  connection->watch();
  return connection;
}

void HttpConnection::start_reading() {
  uv_read_start(
      stream(),
      [](uv_handle_t*, std::size_t, uv_buf_t* out) {
        *out = uv_buf_init(read_buffer().data(), static_cast<unsigned>(read_buffer().size()));
      },
      [](uv_stream_t* source, ssize_t size, const uv_buf_t* buffer) {
        const auto self = static_cast<HttpConnection*>(source->data)->shared_from_this();
        if (size > 0) self->received({buffer->base, static_cast<std::size_t>(size)});
        if (size == UV_EOF) self->received_end();
        if (size < 0 && size != UV_EOF) self->close();
      });
}

void HttpConnection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  deadline_.reset();
  shared_->bodies_held -= std::exchange(body_counted_, 0);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), [](uv_handle_t* handle) {
    const auto last = std::move(static_cast<HttpConnection*>(handle->data)->until_closed_);
  });
  shared_->open.erase(shared_from_this());
}

void HttpConnection::received(std::string_view bytes) {
  if (phase_ == Phase::lingering || phase_ == Phase::streaming || phase_ == Phase::closed) return;
  pending_ += bytes;
  if (phase_ == Phase::answering && pending_.size() > pending_max) uv_read_stop(stream());
  advance();
}

/// A client that closes while its request waits does not want the answer; one that closes while it reads does.
void HttpConnection::received_end() {
  peer_done_ = true;
  if (unsent() == 0 || phase_ == Phase::answering || phase_ == Phase::streaming) return close();
  if (phase_ == Phase::reading) linger();
}

/// Reads requests from what is pending as long as each is answered at once.
void HttpConnection::advance() {
  if (std::exchange(advancing_, true)) return;  // an answer inside a handler: the loop below goes on
  while (phase_ == Phase::reading && !pending_.empty()) {
    const std::size_t used = parser_.feed(pending_);
    pending_.erase(0, used);
    shared_->bodies_held += parser_.body_held() - body_counted_;
    body_counted_ = parser_.body_held();
    if (parser_.state() == HttpParser::State::bad) {
      refuse(parser_.status(), parser_.why(), "");
    } else if (shared_->bodies_held > shared_->options.bodies_bytes) {
      refuse(503, "too much is being uploaded", "try again");
    } else if (parser_.state() == HttpParser::State::done) {
      hand_over();
    } else if (parser_.state() == HttpParser::State::body && !std::exchange(body_begun_, true)) {
      if (parser_.expects_continue()) write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    watch();
  }
  advancing_ = false;
}

void HttpConnection::refuse(int status, const std::string& why, const std::string& hint) {
  phase_ = Phase::answering;
  keep_ = false;
  head_only_ = false;
  answer(++number_, error_response(status, {"cannot take the request", why, hint}));
}

void HttpConnection::hand_over() {
  keep_ = parser_.keep_alive();
  HttpRequest request = parser_.take();
  shared_->bodies_held -= std::exchange(body_counted_, 0);
  body_begun_ = false;
  request.remote = remote_;
  head_only_ = request.method == "HEAD";
  phase_ = Phase::answering;
  ++number_;
  const auto shared = shared_;  // the handler may destroy the server
  shared->dispatch(request, Responder(std::make_shared<Responder::Claim>(weak_from_this(), number_)));
}

void HttpConnection::answer(std::uint64_t number, const HttpResponse& response) {
  if (!waits_for(number)) return;
  std::string bytes = head_of(response, keep_);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) bytes += "\r\nContent-Length: " + std::to_string(response.body.size());
  bytes += "\r\n\r\n";
  if (!bodiless && !head_only_) bytes += response.body;
  write(std::move(bytes));
  if (phase_ == Phase::closed) return;
  if (!keep_) return linger();
  phase_ = Phase::reading;
  start_reading();
  watch();
  advance();
}

bool HttpConnection::begin_events(std::uint64_t number) {
  if (!waits_for(number)) return false;
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  phase_ = Phase::streaming;
  keep_ = false;
  pending_.clear();
  write(head_of(response, false) + "\r\n\r\n");
  watch();
  return phase_ == Phase::streaming;
}

bool HttpConnection::send_event(std::string_view text) {
  if (phase_ != Phase::streaming) return false;
  if (unsent() + text.size() > shared_->options.events_queued_bytes) {
    ++shared_->slow_subscribers;
    close();
    return false;
  }
  write(std::string(text));
  return phase_ == Phase::streaming;
}

void HttpConnection::end_events() {
  if (phase_ == Phase::streaming) linger();
}

void HttpConnection::write(std::string bytes) {
  if (phase_ == Phase::closed) return;
  using Writing = Pending<uv_write_t>;
  auto writing = std::make_unique<Writing>(Writing{{}, shared_from_this(), std::move(bytes)});
  writing->request.data = writing.get();
  const uv_buf_t buffer = uv_buf_init(writing->bytes.data(), static_cast<unsigned>(writing->bytes.size()));
  const int status = uv_write(&writing->request, stream(), &buffer, 1, [](uv_write_t* request, int failed) {
    const std::unique_ptr<Writing> done(static_cast<Writing*>(request->data));
    if (failed != 0) done->connection->close();
  });
  if (status != 0) return close();
  static_cast<void>(writing.release());  // the callback has it
}

/// Closing while bytes of the client wait unread would reset the connection and take the answer back.
void HttpConnection::linger() {
  phase_ = Phase::lingering;
  pending_.clear();
  start_reading();
  using Shutting = Pending<uv_shutdown_t>;
  auto shutting = std::make_unique<Shutting>(Shutting{{}, shared_from_this(), {}});
  shutting->request.data = shutting.get();
  const int status = uv_shutdown(&shutting->request, stream(), [](uv_shutdown_t* request, int failed) {
    const std::unique_ptr<Shutting> done(static_cast<Shutting*>(request->data));
    if (failed != 0 || done->connection->peer_done_) done->connection->close();
  });
  if (status != 0) return close();
  static_cast<void>(shutting.release());  // the callback has it
  watch();
}

HttpConnection::Wait HttpConnection::wait_of_now() const {
  switch (phase_) {
    case Phase::reading:
      if (unsent() > 0) return Wait::writing;
      if (parser_.state() == HttpParser::State::body) return Wait::body;
      return parser_.begun() ? Wait::head : Wait::next_request;
    case Phase::streaming: return Wait::events;
    case Phase::lingering: return unsent() > 0 ? Wait::writing : Wait::lingering;
    case Phase::answering:
    case Phase::closed: return Wait::nothing;
  }
  return Wait::nothing;
}

/// Arms the deadline when what is waited for changes, and only then: bytes that drip in do not buy time.
void HttpConnection::watch() {
  if (phase_ == Phase::closed) return;
  const Wait now = wait_of_now();
  if (std::exchange(wait_, now) == now) return;
  const HttpOptions& options = shared_->options;
  unsent_before_ = unsent();
  switch (now) {
    case Wait::nothing: return deadline_->cancel();
    case Wait::next_request: return deadline_->once_in(options.idle_time);
    case Wait::head: return deadline_->once_in(options.request_time);
    case Wait::body: return deadline_->once_in(options.body_time);
    case Wait::writing: return deadline_->once_in(options.write_time);
    case Wait::events: return deadline_->once_in(options.sse_comment);
    case Wait::lingering: return deadline_->once_in(linger_time);
  }
}

void HttpConnection::on_deadline() {
  const auto self = shared_from_this();
  if (wait_ == Wait::events) return on_events_pause();
  const bool moved_on = wait_ == Wait::writing && unsent() < unsent_before_;
  if (moved_on) {
    wait_ = Wait::nothing;
    return watch();
  }
  if (wait_ != Wait::next_request && wait_ != Wait::lingering) ++shared_->cut;
  close();
}

/// No event for a while: a comment, so that a connection that has died is noticed.
void HttpConnection::on_events_pause() {
  const std::size_t left = unsent();
  stalled_ = left > 0 && left >= unsent_before_ ? stalled_ + shared_->options.sse_comment : Duration{};
  if (stalled_ >= shared_->options.write_time) {
    ++shared_->slow_subscribers;
    return close();
  }
  if (left == 0) write(":\n\n");
  wait_ = Wait::nothing;
  watch();
}

}  // namespace proxima::io

#include "common/io/http_client.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/io/event_text.hpp"
#include "common/io/http_answer.hpp"
#include "common/io/http_wire.hpp"

namespace proxima::io {
namespace {

constexpr std::size_t head_bytes_max = 32U << 10U;

bool safe_path(const std::string& path) {
  if (path.empty() || path.front() != '/') return false;
  for (const char c : path) {
    if (c <= ' ' || c == 0x7F) return false;  // it would end the request line
  }
  return true;
}

}  // namespace

struct HttpClient::Impl {
  Impl(const std::string& base_url, const HttpClientOptions& chosen) : options(chosen) {
    std::string_view rest = base_url;
    if (rest.starts_with("http://")) rest.remove_prefix(7);
    while (rest.ends_with('/')) rest.remove_suffix(1);
    host = rest;
  }

  [[nodiscard]] Failure failed(const std::string& path, const std::string& why) const {
    return fail("cannot get an answer from http://" + host + path, cancel.asked() ? "cancelled" : why,
                cancel.asked() ? "" : "is it running there?");
  }

  /// Sends a request and reads the answer's head, over the kept connection if it is still good.
  Result<void> begin(const std::string& method, const std::string& path, const std::string& body,
                     const std::string& headers, HttpAnswerParser& parser) {
    if (!safe_path(path)) return fail("cannot ask for '" + path.substr(0, 80) + "'", "it is not an encoded path");
    if (wire && !wire->idle_and_open()) wire.reset();
    if (!wire) {
      auto fresh = HttpWire::connect(host, options.connect_time, cancel);
      if (!fresh) return failed(path, fresh.error().text());
      wire = std::move(*fresh);
    }
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers;
    if (!body.empty() || method != "GET") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n";
    PROXIMA_TRY(through(path, wire->send(request, options.read_time)));
    PROXIMA_TRY(through(path, wire->send(body, options.read_time)));
    return read_more(path, parser);
  }

  /// Reads once; the parser's body grows, or its head comes nearer.
  Result<void> read_more(const std::string& path, HttpAnswerParser& parser) {
    do {
      auto bytes = wire->receive(options.read_time);
      if (!bytes) return through(path, bytes.failure());
      if (!(bytes->empty() ? parser.end() : parser.feed(*bytes))) return through(path, fail(parser.why()));
    } while (!parser.head_complete());
    return {};
  }

  Result<void> through(const std::string& path, const Result<void>& step) {
    if (step) return {};
    wire.reset();  // whatever is left on it belongs to nobody
    return failed(path, step.error().text());
  }

  Result<HttpAnswer> exchange(const std::string& method, const std::string& path, const std::string& body,
                              const std::string& content_type) {
    HttpAnswerParser parser(head_bytes_max, options.body_bytes);
    const std::string headers = content_type.empty() ? "" : "Content-Type: " + content_type + "\r\n";
    PROXIMA_TRY(begin(method, path, body, headers, parser));
    while (!parser.complete()) PROXIMA_TRY(read_more(path, parser));
    if (!parser.keep_alive()) wire.reset();
    return HttpAnswer{parser.status(), parser.header("content-type"), parser.take_body()};
  }

  std::string host;
  HttpClientOptions options;
  CancelSwitch cancel;
  std::unique_ptr<HttpWire> wire;
};

HttpClient::HttpClient(const std::string& base, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(base, options)) {}
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::get(const std::string& path) { return impl_->exchange("GET", path, {}, {}); }

Result<HttpAnswer> HttpClient::post(const std::string& path, const std::string& body, const std::string& content_type) {
  return impl_->exchange("POST", path, body, content_type);
}

Result<HttpAnswer> HttpClient::put(const std::string& path, const std::string& body, const std::string& content_type) {
  return impl_->exchange("PUT", path, body, content_type);
}

Result<HttpAnswer> HttpClient::remove(const std::string& path) { return impl_->exchange("DELETE", path, {}, {}); }

Result<void> HttpClient::events(const std::string& path, const std::function<bool(const HttpEvent&)>& on_event) {
  HttpAnswerParser parser(head_bytes_max, impl_->options.body_bytes);
  EventText events(impl_->options.body_bytes);
  bool enough = false;
  auto step = impl_->begin("GET", path, {}, "Accept: text/event-stream\r\n", parser);
  while (step && parser.status() == 200) {
    const std::string text = parser.take_body();
    const bool fits = events.feed(text, [&](std::string_view event, std::string_view data) {
      if (!enough && !impl_->cancel.asked()) enough = !on_event(HttpEvent{event, data});
    });
    if (enough || !fits || parser.complete()) break;
    step = impl_->read_more(path, parser);
  }
  impl_->wire.reset();
  if (enough || impl_->cancel.asked()) return {};
  if (!step) return step;
  if (parser.status() != 200) return impl_->failed(path, "the answer has status " + std::to_string(parser.status()));
  return impl_->failed(path, parser.complete() ? "the stream ended" : "an event is too long");
}

void HttpClient::cancel() { impl_->cancel.ask(); }

}  // namespace proxima::io

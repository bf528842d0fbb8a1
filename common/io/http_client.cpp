#include "common/io/http_client.hpp"

#include <atomic>
#include <chrono>
#include <utility>

#include <httplib.h>

#include "common/io/event_text.hpp"

namespace proxima::io {
namespace {

std::chrono::microseconds micros(Duration span) { return std::chrono::microseconds(span.ns / 1000); }

std::string url_of(const std::string& base) { return base.find("://") == std::string::npos ? "http://" + base : base; }

}  // namespace

struct HttpClient::Impl {
  Impl(const std::string& base_url, const HttpClientOptions& chosen)
      : base(url_of(base_url)), options(chosen), client(base) {
    client.set_connection_timeout(micros(options.connect_time));
    client.set_read_timeout(micros(options.read_time));
    client.set_write_timeout(micros(options.read_time));
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_decompress(false);  // nothing here compresses, and a bomb must not grow
    client.set_url_encode(false);
  }

  [[nodiscard]] Failure failed(const std::string& path, const std::string& why) const {
    return fail("cannot reach " + base + path, why, "is the coordinator running there?");
  }
  [[nodiscard]] Failure failed(const std::string& path, httplib::Error error) const {
    return failed(path, cancelled ? "cancelled" : httplib::to_string(error));
  }

  /// Sends with a receiver that bounds the body, whatever the server says of its length.
  Result<HttpAnswer> exchange(const std::string& method, const std::string& path, const std::string& body,
                              const std::string& content_type) {
    if (cancelled) return failed(path, "cancelled");
    HttpAnswer answer;
    bool too_long = false;
    httplib::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    if (!content_type.empty()) request.set_header("Content-Type", content_type);
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      too_long = answer.body.size() + size > options.body_bytes;
      if (!too_long) answer.body.append(data, size);
      return !too_long && !cancelled;
    };
    httplib::Response response;
    httplib::Error error = httplib::Error::Success;
    const bool whole = client.send(request, response, error);
    if (too_long) return failed(path, "the answer is longer than " + std::to_string(options.body_bytes) + " bytes");
    if (!whole) return failed(path, error);
    answer.status = response.status;
    answer.content_type = response.get_header_value("Content-Type");
    return answer;
  }

  std::string base;
  HttpClientOptions options;
  httplib::Client client;
  std::atomic<bool> cancelled{false};
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
  if (impl_->cancelled) return {};
  EventText events(impl_->options.body_bytes);
  bool enough = false;
  bool too_long = false;
  int status = 0;
  const httplib::Headers headers = {{"Accept", "text/event-stream"}};
  const auto result = impl_->client.Get(
      path, headers,
      [&](const httplib::Response& response) {
        status = response.status;
        return status == 200;
      },
      [&](const char* data, std::size_t size) {
        const auto deliver = [&](std::string_view event, std::string_view text) {
          if (!enough && !impl_->cancelled) enough = !on_event(HttpEvent{event, text});
        };
        too_long = !events.feed({data, size}, deliver);
        return !enough && !too_long && !impl_->cancelled;
      });
  if (enough || impl_->cancelled) return {};
  if (status != 0 && status != 200) return impl_->failed(path, "the answer has status " + std::to_string(status));
  if (too_long) return impl_->failed(path, "an event is too long");
  if (!result) return impl_->failed(path, result.error());
  return impl_->failed(path, "the stream ended");
}

void HttpClient::cancel() {
  impl_->cancelled = true;
  impl_->client.stop();
}

}  // namespace proxima::io

// Blocking HTTP for threads that may wait: the CLI, the client library's and the agent's fetching thread. Never the loop's.
// An HttpClient is used by one thread at a time; cancel() may come from any.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"

namespace proxima::io {

struct HttpClientOptions {
  Duration connect_time = Duration::seconds(3);
  Duration read_time = Duration::seconds(30);  ///< without a byte; a long poll needs more than its server's
  std::size_t body_bytes = 16U << 20U;         ///< a longer answer is a failure
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
};

/// One event of a stream; the views live as long as the callback.
struct HttpEvent {
  std::string_view event;  ///< empty: a plain message
  std::string_view data;   ///< lines joined by '\n'
};

class HttpClient {
 public:
  /// `base` is "127.0.0.1:8080" or "http://127.0.0.1:8080".
  explicit HttpClient(const std::string& base, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// A failure only if there was no whole answer; a status of 400 or more is an answer.
  Result<HttpAnswer> get(const std::string& path);
  Result<HttpAnswer> post(const std::string& path, const std::string& body,
                          const std::string& content_type = "application/json");
  Result<HttpAnswer> put(const std::string& path, const std::string& body,
                         const std::string& content_type = "application/json");
  Result<HttpAnswer> remove(const std::string& path);

  /// Reads server-sent events until `on_event` returns false (success), cancel() (success), or the stream breaks or the
  /// status is not 200 (a failure).
  Result<void> events(const std::string& path, const std::function<bool(const HttpEvent&)>& on_event);

  /// Any thread: makes the call that is under way, and each later one, return soon.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxima::io

// One HTTP/1.1 GET on the loop, its body passed on as it comes: an object of megabytes costs no memory and no thread.
// For the coordinator's API: literal address, Content-Length, no TLS. Owned by the fetcher; loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/address.hpp"
#include "common/io/bytes.hpp"
#include "common/io/loop.hpp"

namespace proxima::agent {

struct HttpHead {
  int status = 0;
  std::uint64_t length = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// Reads a status line and headers (without the empty line). A failure unless it is HTTP/1 with a Content-Length.
[[nodiscard]] Result<HttpHead> parse_http_head(std::string_view text);

struct HttpGetOptions {
  std::size_t header_bytes = 16U << 10U;
  std::uint64_t body_bytes = 16U << 20U;     ///< a longer answer is a failure
  Duration silence = Duration::seconds(30);  ///< without a byte
};

struct HttpGetCallbacks {
  std::function<void(const HttpHead&)> on_head;
  std::function<void(io::View)> on_body;
  std::function<void(Result<void>)> on_end;  ///< once, last; the HttpGet may be destroyed in it
};

class HttpGet {
 public:
  /// Begins at once; every outcome comes through on_end, from the loop.
  HttpGet(io::Loop& loop, const io::Address& server, const std::string& path, HttpGetOptions options,
          HttpGetCallbacks callbacks);
  /// Cancels: no callback comes after.
  ~HttpGet();
  HttpGet(const HttpGet&) = delete;
  HttpGet& operator=(const HttpGet&) = delete;

  struct State;

 private:
  State* state_;  // freed by libuv's close callback
};

}  // namespace proxima::agent

// Reads HTTP/1.1 requests from bytes as they come. No socket, no clock: the server feeds it, the fuzzer too. One thread.
//
// Strict on purpose, since what two readers understand differently is how requests are smuggled: CRLF only, no folded
// header, one Content-Length, no Transfer-Encoding (411), no absolute target.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/io/http_message.hpp"

namespace proxima::io {

class HttpParser {
 public:
  enum class State {
    head,  ///< more bytes of the head are needed
    body,  ///< the head is complete, the body is not
    done,  ///< take() gives the request
    bad,   ///< refused; status() and why() say how; nothing more is read
  };

  HttpParser(std::size_t header_bytes, std::size_t body_bytes) : header_bytes_(header_bytes), body_bytes_(body_bytes) {}

  /// Takes bytes until a request is complete or refused; tells how many it took.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] State state() const { return state_; }
  /// True between the first byte of a request and take().
  [[nodiscard]] bool begun() const { return state_ != State::head || !head_.empty(); }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  /// The client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }
  /// Bytes of the body that are held.
  [[nodiscard]] std::size_t body_held() const { return request_.body.size(); }

  /// Gives the request away and begins the next one. Only when done.
  HttpRequest take();

 private:
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void parse_head();
  bool parse_request_line(std::string_view line);
  bool parse_target(std::string_view target);
  bool parse_header(std::string_view line);
  bool check_headers();
  bool refuse(int status, std::string why);

  std::size_t header_bytes_;
  std::size_t body_bytes_;
  State state_ = State::head;
  std::string head_;
  std::size_t body_left_ = 0;
  HttpRequest request_;
  bool old_version_ = false;  // HTTP/1.0
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  int status_ = 0;
  std::string why_;
};

/// Percent-decodes; '+' becomes a space where `plus_is_space`. False for broken escapes and for control characters.
[[nodiscard]] bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

}  // namespace proxima::io

// Reads one HTTP/1.1 answer from bytes as they come, bounded. No socket: http_client.cpp feeds it, the fuzzer too.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace proxima::io {

class HttpAnswerParser {
 public:
  HttpAnswerParser(std::size_t head_bytes, std::size_t body_bytes) : head_bytes_(head_bytes), body_bytes_(body_bytes) {}

  /// False if the answer is broken or too long: why() says how.
  bool feed(std::string_view bytes);
  /// The stream has ended; false if the answer has not.
  bool end();

  [[nodiscard]] bool head_complete() const { return status_ != 0; }
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] int status() const { return status_; }
  /// Empty if there is none; names in lower case.
  [[nodiscard]] std::string header(const std::string& name) const;
  /// What has come of the body since the last call.
  [[nodiscard]] std::string take_body() { return std::exchange(body_, {}); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  bool feed_head();
  bool parse_head(std::string_view head);
  bool frame_body();
  bool add_body(std::string_view bytes);
  bool refuse(std::string why);

  std::size_t head_bytes_;
  std::size_t body_bytes_;
  std::string head_;
  std::map<std::string, std::string> headers_;
  std::string body_;
  int status_ = 0;
  bool bounded_ = false;      // Content-Length tells the end, else the end of the stream
  std::size_t body_left_ = 0;
  bool keep_alive_ = true;
  bool complete_ = false;
  std::string why_;
};

}  // namespace proxima::io

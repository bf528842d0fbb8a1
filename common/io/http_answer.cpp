#include "common/io/http_answer.hpp"

#include <charconv>
#include <cstddef>

namespace proxima::io {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool HttpAnswerParser::feed(std::string_view bytes) {
  if (complete_) return refuse("there is more than one answer");
  if (head_complete()) return add_body(bytes);
  head_ += bytes;
  return feed_head();
}

bool HttpAnswerParser::feed_head() {
  const std::size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos || end > head_bytes_) {
    return head_.size() <= head_bytes_ || refuse("the header of the answer is too long");
  }
  const std::string head = head_.substr(0, end);
  head_.erase(0, end + 4);
  if (!parse_head(head)) return false;
  if (status_ >= 100 && status_ < 200) {  // "100 Continue": the answer is still to come
    status_ = 0;
    headers_.clear();
    return head_.empty() || feed_head();
  }
  return frame_body() && add_body(std::exchange(head_, {}));
}

bool HttpAnswerParser::parse_head(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::string_view digits = line.size() >= 12 ? line.substr(9, 3) : std::string_view();
  const bool known = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status_);
  if (!known || error != std::errc{} || end != digits.data() + 3 || status_ < 100) {
    status_ = 0;
    return refuse("the answer is not HTTP");
  }
  keep_alive_ = line.starts_with("HTTP/1.1 ");
  std::string_view rest = head.substr(line.size());
  while (!rest.empty()) {
    rest.remove_prefix(2);  // the CRLF before each header
    const std::string_view header = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(header.size());
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) return refuse("a header of the answer is broken");
    headers_[lower(header.substr(0, colon))] = trimmed(header.substr(colon + 1));
  }
  return true;
}

bool HttpAnswerParser::frame_body() {
  if (headers_.contains("transfer-encoding")) return refuse("the answer has an encoding that is not spoken here");
  if (lower(header("connection")).find("close") != std::string::npos) keep_alive_ = false;
  if (status_ == 204 || status_ == 304) {
    bounded_ = true;
    complete_ = true;
    return true;
  }
  const auto length = headers_.find("content-length");
  bounded_ = length != headers_.end();
  if (!bounded_) {
    keep_alive_ = false;
    return true;
  }
  const std::string& text = length->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), body_left_);
  if (error != std::errc{} || end != text.data() + text.size()) return refuse("the length of the answer is no number");
  if (body_left_ > body_bytes_) return refuse("the answer is longer than " + std::to_string(body_bytes_) + " bytes");
  complete_ = body_left_ == 0;
  return true;
}

bool HttpAnswerParser::add_body(std::string_view bytes) {
  if (bounded_) {
    if (bytes.size() > body_left_) return refuse("there is more than one answer");
    body_left_ -= bytes.size();
    complete_ = body_left_ == 0;
  }
  if (body_.size() + bytes.size() > body_bytes_) {
    return refuse("the answer is longer than " + std::to_string(body_bytes_) + " bytes");
  }
  body_ += bytes;
  return true;
}

bool HttpAnswerParser::end() {
  if (!head_complete()) return refuse("the connection was closed without an answer");
  if (bounded_ && !complete_) return refuse("the answer is cut short");
  complete_ = true;
  return true;
}

std::string HttpAnswerParser::header(const std::string& name) const {
  const auto found = headers_.find(name);
  return found == headers_.end() ? std::string() : found->second;
}

bool HttpAnswerParser::refuse(std::string why) {
  why_ = std::move(why);
  return false;
}

}  // namespace proxima::io

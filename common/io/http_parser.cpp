#include "common/io/http_parser.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/assert.hpp"

namespace proxima::io {
namespace {

constexpr std::size_t headers_max = 64;
constexpr std::size_t method_bytes_max = 16;

bool is_token(char c) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = nibble(text[i + 1]);
      const int low = nibble(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (is_control(c)) return false;
    out += c;
  }
  return true;
}

std::size_t HttpParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::head) used = feed_head(bytes);
  if (state_ == State::body) used += feed_body(bytes.substr(used));
  return used;
}

std::size_t HttpParser::feed_head(std::string_view bytes) {
  // The end may lie across two pieces: look three bytes back.
  const std::size_t before = head_.size();
  const std::size_t room = header_bytes_ - before;
  head_ += bytes.substr(0, room);
  const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_.size() >= header_bytes_) refuse(431, "the header is longer than " + std::to_string(header_bytes_) + " bytes");
    return head_.size() - before;
  }
  const std::size_t used = end + 4 - before;
  head_.resize(end + 2);  // each line keeps its CRLF
  parse_head();
  head_.clear();
  return used;
}

std::size_t HttpParser::feed_body(std::string_view bytes) {
  const std::size_t used = std::min(body_left_, bytes.size());
  request_.body += bytes.substr(0, used);
  body_left_ -= used;
  if (body_left_ == 0) state_ = State::done;
  return used;
}

void HttpParser::parse_head() {
  std::string_view rest = head_;
  bool first = true;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const bool good = std::exchange(first, false) ? parse_request_line(line) : parse_header(line);
    if (!good) return;
  }
  if (!check_headers()) return;
  state_ = body_left_ > 0 ? State::body : State::done;
}

bool HttpParser::parse_request_line(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end == method_end) return refuse(400, "the request line is broken");
  const std::string_view method = line.substr(0, method_end);
  const bool upper = std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (method.empty() || method.size() > method_bytes_max || !upper) return refuse(400, "the method is not a word");
  const std::string_view version = line.substr(target_end + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.1 is spoken here");
  old_version_ = version == "HTTP/1.0";
  keep_alive_ = !old_version_;
  request_.method = method;
  return parse_target(line.substr(method_end + 1, target_end - method_end - 1));
}

bool HttpParser::parse_target(std::string_view target) {
  const bool printable = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (target.empty() || target.front() != '/' || !printable) return refuse(400, "the target is not a path");
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  if (!percent_decode(target.substr(0, question), false, request_.path)) return refuse(400, "the path is not decodable");
  if (question == std::string_view::npos) return true;
  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    std::string name;
    std::string value;
    const std::string_view raw = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (!percent_decode(pair.substr(0, equals), true, name) || !percent_decode(raw, true, value)) {
      return refuse(400, "the query is not decodable");
    }
    if (!name.empty()) request_.query[name] = value;
  }
  return true;
}

bool HttpParser::parse_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), is_token)) {
    return refuse(400, "a header line is broken");
  }
  const std::string_view value = trimmed(line.substr(colon + 1));
  const bool clean = std::none_of(value.begin(), value.end(), [](char c) { return is_control(c) && c != '\t'; });
  if (!clean) return refuse(400, "a header has control characters");
  if (request_.headers.size() >= headers_max) return refuse(431, "more headers than " + std::to_string(headers_max));
  const auto [place, fresh] = request_.headers.emplace(lower(name), value);
  if (fresh) return true;
  if (place->first == "content-length" || place->first == "host") return refuse(400, place->first + " comes twice");
  place->second.append(", ").append(value);
  return true;
}

bool HttpParser::check_headers() {
  const auto& headers = request_.headers;
  if (headers.contains("transfer-encoding")) return refuse(411, "send the body with Content-Length");
  if (!old_version_ && !headers.contains("host")) return refuse(400, "there is no Host");
  if (const auto length = headers.find("content-length"); length != headers.end()) {
    const std::string& text = length->second;
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), body_left_);
    if (!digits || end != text.data() + text.size()) return refuse(400, "Content-Length is not a number");
    if (error != std::errc{} || body_left_ > body_bytes_) {
      body_left_ = 0;
      return refuse(413, "the body is longer than " + std::to_string(body_bytes_) + " bytes");
    }
  }
  if (const auto connection = headers.find("connection"); connection != headers.end()) {
    const std::string wish = lower(connection->second);
    if (wish.find("close") != std::string::npos) keep_alive_ = false;
    if (old_version_ && wish.find("keep-alive") != std::string::npos) keep_alive_ = true;
  }
  if (const auto expect = headers.find("expect"); expect != headers.end()) {
    if (lower(expect->second) != "100-continue") return refuse(417, "only 100-continue can be expected");
    expects_continue_ = body_left_ > 0;
  }
  return true;
}

bool HttpParser::refuse(int status, std::string why) {
  state_ = State::bad;
  status_ = status;
  why_ = std::move(why);
  keep_alive_ = false;
  return false;
}

HttpRequest HttpParser::take() {
  PROXIMA_ASSERT(state_ == State::done);
  state_ = State::head;
  expects_continue_ = false;
  return std::exchange(request_, {});
}

}  // namespace proxima::io

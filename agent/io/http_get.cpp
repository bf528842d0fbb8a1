#include "agent/io/http_get.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <uv.h>

namespace proxima::agent {
namespace {

constexpr std::size_t read_bytes = 64U << 10U;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Failure broken(std::string why) { return fail("cannot read the coordinator's answer", std::move(why)); }

}  // namespace

Result<HttpHead> parse_http_head(std::string_view text) {
  HttpHead head;
  const std::size_t first_end = std::min(text.find("\r\n"), text.size());
  const std::string_view first = text.substr(0, first_end);
  if (!first.starts_with("HTTP/1.") || first.size() < 12 || first[8] != ' ' || !read_number(first.substr(9, 3), head.status))
    return broken("no HTTP status line");
  for (std::size_t at = first_end + 2; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return broken("a header without a name");
    head.headers[lower(line.substr(0, colon))] = std::string(trimmed(line.substr(colon + 1)));
  }
  const auto length = head.headers.find("content-length");
  if (length == head.headers.end() || !read_number(length->second, head.length)) return broken("no Content-Length");
  return head;
}

struct HttpGet::State {
  uv_tcp_t tcp{};
  uv_timer_t timer{};
  uv_connect_t connect{};
  uv_write_t write{};
  int open = 0;
  bool ended = false;
  std::string request;
  HttpGetOptions options;
  HttpGetCallbacks callbacks;
  std::string head_text;
  bool head_read = false;
  std::uint64_t body_left = 0;
  std::array<char, read_bytes> buffer{};

  void end(Result<void> result);
  void touch();
  void on_bytes(std::string_view bytes);
  void on_head_bytes(std::string_view bytes);
  void on_body_bytes(std::string_view bytes);
};

namespace {

HttpGet::State& state_of(void* data) { return *static_cast<HttpGet::State*>(data); }

void close_all(HttpGet::State* state) {
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&state->tcp), reinterpret_cast<uv_handle_t*>(&state->timer)}) {
    if (uv_is_closing(handle) != 0) continue;
    uv_close(handle, [](uv_handle_t* closed) {
      auto* own = static_cast<HttpGet::State*>(closed->data);
      if (--own->open == 0) delete own;
    });
  }
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  HttpGet::State& state = state_of(stream->data);
  if (count == 0 || state.ended) return;
  if (count < 0) return state.end(broken(count == UV_EOF ? "it ended too early" : uv_strerror(static_cast<int>(count))));
  state.touch();
  state.on_bytes({buffer->base, static_cast<std::size_t>(count)});
}

void on_connected(uv_connect_t* request, int error) {
  HttpGet::State& state = state_of(request->data);
  if (state.ended) return;
  if (error != 0) return state.end(fail("cannot reach the coordinator", uv_strerror(error)));
  uv_buf_t bytes = uv_buf_init(state.request.data(), static_cast<unsigned>(state.request.size()));
  state.write.data = &state;
  auto* stream = reinterpret_cast<uv_stream_t*>(&state.tcp);
  uv_write(&state.write, stream, &bytes, 1, [](uv_write_t*, int) {});  // a failed write shows as a failed read
  uv_read_start(
      stream,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
        HttpGet::State& own = state_of(handle->data);
        *into = uv_buf_init(own.buffer.data(), static_cast<unsigned>(own.buffer.size()));
      },
      on_read);
}

}  // namespace

void HttpGet::State::end(Result<void> result) {
  if (std::exchange(ended, true)) return;
  uv_timer_stop(&timer);
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&tcp));
  const auto on_end = std::move(callbacks.on_end);
  if (on_end) on_end(std::move(result));
}

void HttpGet::State::touch() {
  const auto silence_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(options.silence.ns / 1'000'000, 1));
  uv_timer_start(
      &timer, [](uv_timer_t* handle) { state_of(handle->data).end(broken("nothing came for too long")); }, silence_ms, 0);
}

void HttpGet::State::on_bytes(std::string_view bytes) {
  if (head_read) return on_body_bytes(bytes);
  on_head_bytes(bytes);
}

void HttpGet::State::on_head_bytes(std::string_view bytes) {
  const std::size_t before = head_text.size();
  head_text.append(bytes.substr(0, options.header_bytes));
  const std::size_t stop = head_text.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (stop == std::string::npos) {
    if (head_text.size() > options.header_bytes) end(broken("its headers are too long"));
    return;
  }
  auto head = parse_http_head(std::string_view(head_text).substr(0, stop));
  if (!head) return end(head.failure());
  if (head->length > options.body_bytes)
    return end(broken(std::to_string(head->length) + " bytes are announced; at most " + std::to_string(options.body_bytes) + " are taken"));
  head_read = true;
  body_left = head->length;
  callbacks.on_head(*head);
  if (!ended) on_body_bytes(bytes.substr(stop + 4 - before));
}

void HttpGet::State::on_body_bytes(std::string_view bytes) {
  const std::string_view mine = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(body_left, bytes.size())));
  body_left -= mine.size();
  if (!mine.empty()) callbacks.on_body({reinterpret_cast<const std::uint8_t*>(mine.data()), mine.size()});
  if (body_left == 0) end({});
}

HttpGet::HttpGet(io::Loop& loop, const io::Address& server, const std::string& path, HttpGetOptions options,
                 HttpGetCallbacks callbacks)
    : state_(new State) {
  state_->options = options;
  state_->callbacks = std::move(callbacks);
  state_->request = "GET " + path + " HTTP/1.1\r\nHost: " + server.text() + "\r\nConnection: close\r\n\r\n";
  uv_tcp_init(&loop.raw(), &state_->tcp);
  uv_timer_init(&loop.raw(), &state_->timer);
  state_->open = 2;
  state_->tcp.data = state_->timer.data = state_->connect.data = state_;
  uv_update_time(&loop.raw());
  state_->touch();
  const int error = uv_tcp_connect(&state_->connect, &state_->tcp, &server.raw(), on_connected);
  if (error == 0) return;
  // Refused on the spot: told from the loop all the same.
  uv_timer_start(
      &state_->timer,
      [](uv_timer_t* handle) { state_of(handle->data).end(fail("cannot reach the coordinator", "no connection can be made")); }, 0, 0);
}

HttpGet::~HttpGet() {
  state_->ended = true;
  state_->callbacks = {};
  close_all(state_);
}

}  // namespace proxima::agent

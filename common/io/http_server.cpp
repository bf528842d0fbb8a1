#include "common/io/http_server.hpp"

#include <algorithm>
#include <vector>

#include "common/io/http_connection.hpp"

namespace proxima::io {
namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    out.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return out;
}

bool is_wild(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

bool fits(const std::string& pattern, const std::string& path, std::vector<std::string>& captures) {
  const auto wanted = segments(pattern);
  const auto given = segments(path);
  if (wanted.size() != given.size()) return false;
  captures.clear();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (is_wild(wanted[i]) && !given[i].empty()) {
      captures.emplace_back(given[i]);
    } else if (wanted[i] != given[i]) {
      return false;
    }
  }
  return true;
}

std::string_view header(const HttpRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string_view() : std::string_view(found->second);
}

/// Refuses what a page of another site could make a browser send. Empty: nothing to say against it.
std::string foreign(const HttpRequest& request) {
  const std::string_view host = header(request, "host");
  if (host.empty()) return {};  // HTTP/1.0: no browser
  const bool ported = Address::parse(host).has_value();
  const bool bare = Address::parse(std::string(host) + ":80").has_value();
  const std::string_view name = host.substr(0, host.find(':'));
  if (!ported && !bare && name != "localhost") return "the Host is neither an IP address nor localhost";
  const std::string_view origin = header(request, "origin");
  const bool same = origin.empty() || origin == "http://" + std::string(host) || origin == "https://" + std::string(host);
  return same ? "" : "it comes from a page of another site";
}

// The field's lines, each on its own; a lone CR would end a line too, so it is taken out.
void append_field(std::string& out, std::string_view field, std::string_view value) {
  while (true) {
    const std::string_view line = value.substr(0, value.find('\n'));
    out.append(field).append(": ");
    std::copy_if(line.begin(), line.end(), std::back_inserter(out), [](char c) { return c != '\r'; });
    out += '\n';
    if (line.size() == value.size()) return;
    value.remove_prefix(line.size() + 1);
  }
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Loop& loop, HttpOptions options) : loop_(loop), listener_(new Listener) {
    shared_->options = options;
    shared_->dispatch = [this](const HttpRequest& request, Responder responder) { dispatch(request, std::move(responder)); };
    listener_->owner = this;
    uv_tcp_init(&loop.raw(), &listener_->handle);
    listener_->handle.data = listener_;
  }

  ~Impl() {
    listener_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&listener_->handle),
             [](uv_handle_t* handle) { delete static_cast<Listener*>(handle->data); });
    const auto open = shared_->open;  // each takes itself out of the original
    for (const auto& connection : open) connection->close();
  }

  int listen(const Address& local) {
    int status = uv_tcp_bind(&listener_->handle, &local.raw(), 0);
    if (status != 0) return status;
    return uv_listen(reinterpret_cast<uv_stream_t*>(&listener_->handle), 256, [](uv_stream_t* stream, int failed) {
      Impl* owner = static_cast<Listener*>(stream->data)->owner;
      if (failed == 0 && owner != nullptr) HttpConnection::accept(owner->loop_, *stream, owner->shared_);
    });
  }

  void dispatch(const HttpRequest& request, Responder responder) {
    if (const std::string why = foreign(request); !why.empty()) {
      return responder.fail(403, {"the request is refused", why, "use the address that the program printed"});
    }
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    HttpRequest captured;
    bool known = false;
    for (const Route& route : routes_) {
      std::vector<std::string> captures;
      if (!fits(route.pattern, request.path, captures)) continue;
      known = true;
      if (route.method != method) continue;
      captured = request;
      captured.captures = std::move(captures);
      const auto handler = route.handler;  // it may destroy the server
      return (*handler)(captured, std::move(responder));
    }
    const std::string what = "cannot " + request.method + " " + request.path;
    if (known) return responder.fail(405, {what, "the path is there, but not for this method", "docs/api.md lists what is served"});
    responder.fail(404, {what, "nothing is served there", "docs/api.md lists what is served"});
  }

  struct Route {
    std::string method;
    std::string pattern;
    std::shared_ptr<Handler> handler;
  };
  struct Listener {
    uv_tcp_t handle{};
    Impl* owner = nullptr;
  };

  Loop& loop_;
  Listener* listener_;  // freed by libuv's close callback
  std::shared_ptr<HttpShared> shared_ = std::make_shared<HttpShared>();
  std::vector<Route> routes_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::listen(Loop& loop, const Address& local, HttpOptions options) {
  auto impl = std::make_unique<Impl>(loop, options);
  if (const int status = impl->listen(local); status != 0) {
    return fail("cannot listen on " + local.text(), uv_strerror(status), "use another port, or port 0 for any free one");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::route(std::string method, std::string pattern, Handler handler) {
  impl_->routes_.push_back({std::move(method), std::move(pattern), std::make_shared<Handler>(std::move(handler))});
}

Address HttpServer::local() const {
  sockaddr_storage storage{};
  int size = sizeof(storage);
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  if (uv_tcp_getsockname(&impl_->listener_->handle, raw, &size) != 0) return {};
  return Address::from(*raw);
}

std::size_t HttpServer::connections() const { return impl_->shared_->open.size(); }
std::uint64_t HttpServer::slow_subscribers() const { return impl_->shared_->slow_subscribers; }
std::uint64_t HttpServer::cut_connections() const { return impl_->shared_->cut; }

void Responder::send(HttpResponse response) {
  if (std::exchange(claim_->used, true)) return;
  if (const auto open = claim_->connection.lock()) open->answer(claim_->number, response);
}

void Responder::fail(int status, const Error& error) { send(error_response(status, error)); }

EventStream Responder::stream() {
  const bool first = !std::exchange(claim_->used, true);
  const auto open = claim_->connection.lock();
  if (!first || !open || !open->begin_events(claim_->number)) return EventStream({});
  return EventStream(open);
}

bool Responder::waiting() const {
  const auto open = claim_->connection.lock();
  return !claim_->used && open && open->waits_for(claim_->number);
}

bool EventStream::send(std::string_view event, std::string_view data) {
  const auto open = connection_.lock();
  if (!open) return false;
  std::string text;
  if (!event.empty()) append_field(text, "event", event.substr(0, event.find('\n')));
  append_field(text, "data", data);
  text += '\n';
  return open->send_event(text);
}

bool EventStream::open() const {
  const auto connection = connection_.lock();
  return connection && connection->streaming();
}

void EventStream::close() {
  if (const auto open = connection_.lock()) open->end_events();
}

}  // namespace proxima::io

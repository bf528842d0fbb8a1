#include "sdk/netlab/io/control_server.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace proxima::netlab {

namespace {

using nlohmann::json;

constexpr std::size_t max_unread_answers = 256 * 1024;  // a client that asks and never reads is closed

json error_json(const char* code, const Error& error) {
  return {{"schema", "proxima/v1/netlab"},
          {"ok", false},
          {"error", {{"code", code}, {"what", error.what}, {"why", error.why}, {"hint", error.hint}}}};
}

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Fd> lock_beside(const std::string& path) {
  const std::string lock_path = path + ".lock";
  Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.is_open()) {
    return fail("cannot create '" + lock_path + "'", last_error(), "name a directory that you may write to");
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail("cannot serve at '" + path + "'", "another proxima-netlab serves there",
                "stop that one, or choose another --socket");
  }
  return lock;
}

Result<Fd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail("cannot serve at '" + path + "'", "a socket's path has 1 to 107 bytes", "choose a shorter --socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return fail("cannot serve at '" + path + "'", "something else is there", "choose another --socket");
    }
    ::unlink(path.c_str());  // we hold the lock: whoever made it is gone
  }
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return fail("cannot open a socket", last_error());
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0 || ::listen(socket.get(), static_cast<int>(max_control_clients)) != 0) {
    return fail("cannot serve at '" + path + "'", last_error(), "name a directory that you may write to");
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(uv_loop_t* loop, const std::string& path,
                                                           RunningLab& lab) {
  Result<Fd> lock = lock_beside(path);
  if (!lock) return lock.failure();
  Result<Fd> socket = listen_at(path);
  if (!socket) return socket.failure();
  return std::unique_ptr<ControlServer>(new ControlServer(loop, path, std::move(*lock), std::move(*socket), lab));
}

ControlServer::ControlServer(uv_loop_t* loop, std::string path, Fd lock, Fd socket, RunningLab& lab)
    : loop_(loop),
      path_(std::move(path)),
      lock_(std::move(lock)),
      socket_(std::move(socket)),
      lab_(lab),
      watch_(loop, socket_.get(), [this](int) { accept_some(); }),
      after_poll_(new uv_check_t) {
  watch_.want(UV_READABLE);
  uv_check_init(loop, after_poll_);
  after_poll_->data = this;
  uv_check_start(after_poll_, [](uv_check_t* check) { static_cast<ControlServer*>(check->data)->remove_closed(); });
}

ControlServer::~ControlServer() {
  uv_close(reinterpret_cast<uv_handle_t*>(after_poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_check_t*>(handle); });
  ::unlink(path_.c_str());
}

void ControlServer::accept_some() {
  while (clients_.size() < max_control_clients) {
    Fd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) break;
    const int key = socket.get();
    auto made = std::make_unique<Client>();
    Client& client = *made;
    client.socket = std::move(socket);
    client.watch = std::make_unique<Watch>(loop_, key, [this, &client](int) { ready(client); });
    client.watch->want(UV_READABLE);
    clients_.insert_or_assign(key, std::move(made));
  }
  watch_.want(clients_.size() < max_control_clients ? UV_READABLE : 0);
}

void ControlServer::ready(Client& client) {
  std::array<char, 4096> block{};
  while (!client.closing && client.in.size() <= max_request_bytes) {
    const ssize_t got = ::recv(client.socket.get(), block.data(), block.size(), 0);
    if (got > 0) {
      client.in.append(block.data(), static_cast<std::size_t>(got));
      answer_lines(client);
      continue;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) client.closing = true;
    break;
  }
  write_some(client);
}

void ControlServer::answer_lines(Client& client) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = client.in.find('\n', begin)) != std::string::npos; begin = end + 1) {
    client.out += answer(std::string_view(client.in).substr(begin, end - begin));
  }
  client.in.erase(0, begin);
  if (client.in.size() > max_request_bytes) {
    client.out += line_of(error_json("usage", {"cannot read the request", "the line is longer than 16 KiB",
                                               "send one JSON object a line"}));
    client.closing = true;
  }
  if (client.out.size() > max_unread_answers) client.closing = true;
}

std::string ControlServer::answer(std::string_view line) {
  if (line.size() > max_request_bytes) {
    return line_of(error_json("usage", {"cannot read the request", "the line is longer than 16 KiB",
                                        "send one JSON object a line"}));
  }
  const Result<Request> request = parse_request(line);
  if (!request) return line_of(error_json("usage", request.error()));
  Result<json> done = lab_.apply(*request);
  if (!done) return line_of(error_json("failed", done.error()));
  (*done)["schema"] = "proxima/v1/netlab";
  (*done)["ok"] = true;
  return line_of(*done);
}

void ControlServer::write_some(Client& client) {
  while (!client.out.empty()) {
    const ssize_t sent = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        client.out.clear();
        client.closing = true;
      }
      break;
    }
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  int wanted = client.out.empty() ? 0 : UV_WRITABLE;
  if (!client.closing) wanted |= UV_READABLE;
  client.watch->want(wanted);
}

void ControlServer::remove_closed() {
  const auto removed = std::erase_if(clients_, [](const auto& entry) {
    Client& client = *entry.second;
    const bool stuck = client.closing && client.out.size() > max_unread_answers;
    if (!stuck && !(client.closing && client.out.empty())) return false;
    client.watch.reset();
    return true;
  });
  if (removed > 0) watch_.want(UV_READABLE);
}

}  // namespace proxima::netlab

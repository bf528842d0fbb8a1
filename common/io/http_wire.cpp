#include "common/io/http_wire.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/assert.hpp"

namespace proxima::io {
namespace {

struct HostPort {
  std::string host;
  std::string port = "80";
};

HostPort split(const std::string& text) {
  HostPort out;
  const std::size_t bracket = text.find(']');
  const std::size_t colon = text.find(':', bracket == std::string::npos ? 0 : bracket);
  out.host = text.substr(0, colon);
  if (colon != std::string::npos) out.port = text.substr(colon + 1);
  if (out.host.size() > 2 && out.host.front() == '[') out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

}  // namespace

CancelSwitch::CancelSwitch() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { PROXIMA_ASSERT(fd_ >= 0); }
CancelSwitch::~CancelSwitch() { close(fd_); }

void CancelSwitch::ask() {
  asked_ = true;
  const std::uint64_t one = 1;
  // It can only fail when it is full, and then it is readable already.
  [[maybe_unused]] const ssize_t put = write(fd_, &one, sizeof(one));
}

Result<std::unique_ptr<HttpWire>> HttpWire::connect(const std::string& host, Duration limit,
                                                    const CancelSwitch& cancel) {
  const HostPort place = split(host);
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(place.host.c_str(), place.port.c_str(), &wish, &found); error != 0) {
    return fail("cannot find " + host, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  Failure last = fail("cannot connect to " + host, "it has no address");
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) continue;
    std::unique_ptr<HttpWire> wire(new HttpWire(fd, cancel));
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (::connect(fd, address->ai_addr, address->ai_addrlen) == 0) return wire;
    int error = errno;
    if (error == EINPROGRESS) {
      if (auto ready = wire->wait(POLLOUT, limit); !ready) {
        last = ready.failure();
        continue;
      }
      socklen_t size = sizeof(error);
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error == 0) return wire;
    }
    last = fail("cannot connect to " + host, std::strerror(error));
  }
  return last;
}

HttpWire::~HttpWire() { close(fd_); }

Result<void> HttpWire::wait(short events, Duration limit) const {
  std::array<pollfd, 2> fds{pollfd{fd_, events, 0}, pollfd{cancel_.fd(), POLLIN, 0}};
  int ready = 0;
  do {
    ready = poll(fds.data(), fds.size(), static_cast<int>(limit.ns / 1'000'000));
  } while (ready < 0 && errno == EINTR);
  if (cancel_.asked()) return fail("cancelled");
  if (ready == 0) return fail("no answer in time");
  return {};
}

Result<void> HttpWire::send(std::string_view bytes, Duration limit) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      PROXIMA_TRY(wait(POLLOUT, limit));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // a server may refuse early and close: its answer may be waiting to be read
    } else if (errno != EINTR) {
      return fail("cannot send", std::strerror(errno));
    }
  }
  return {};
}

Result<std::string> HttpWire::receive(Duration limit) {
  std::string bytes(65536, '\0');
  while (true) {
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got >= 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (errno == EAGAIN) {
      if (auto ready = wait(POLLIN, limit); !ready) return ready.failure();
    } else if (errno != EINTR) {
      return fail("the connection broke", std::strerror(errno));
    }
  }
}

bool HttpWire::idle_and_open() const {
  pollfd readable{fd_, POLLIN, 0};
  return poll(&readable, 1, 0) == 0;
}

}  // namespace proxima::io

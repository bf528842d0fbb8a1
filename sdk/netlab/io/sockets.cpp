#include "sdk/netlab/io/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace proxima::netlab {

namespace {

// Enough for a gigabit on loopback; more would let a frame grow old in a place that no rate governs.
constexpr int kernel_buffer_bytes = 128 * 1024;  // the kernel doubles it

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

Result<Fd> bound(int type) {
  Fd socket(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    return fail("cannot open a socket", last_error(), "raise the limit of open files (ulimit -n)");
  }
  set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, kernel_buffer_bytes);  // accepted sockets take these over
  set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, kernel_buffer_bytes);
  if (type == SOCK_STREAM) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (type == SOCK_DGRAM) set_option(socket.get(), SOL_SOCKET, SO_TIMESTAMPNS, 1);
  const sockaddr_in address = Endpoint{htonl(INADDR_LOOPBACK), 0}.socket_address();
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail("cannot bind to 127.0.0.1", last_error(), "free some ports");
  }
  return socket;
}

}  // namespace

sockaddr_in Endpoint::socket_address() const {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = address;
  out.sin_port = port;
  return out;
}

std::string Endpoint::text() const {
  std::array<char, INET_ADDRSTRLEN> digits{};
  const in_addr in{address};
  inet_ntop(AF_INET, &in, digits.data(), digits.size());
  return std::string(digits.data()) + ":" + std::to_string(ntohs(port));
}

Endpoint endpoint_of(const sockaddr_in& address) { return {address.sin_addr.s_addr, address.sin_port}; }

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::string hint = "write HOST:PORT, such as 127.0.0.1:4711";
  const std::string what = "cannot use the address '" + std::string(text.substr(0, 64)) + "'";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(what, "it has no port", hint);
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return fail(what, "the host is no IPv4 address", hint);
  if ((ntohl(address.s_addr) >> 24U) != 127) return fail(what, "the lab stays on this machine", hint);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return fail(what, "the port is not a number from 1 to 65535", hint);
  }
  return Endpoint{address.s_addr, htons(port)};
}

Result<Fd> bind_tcp() { return bound(SOCK_STREAM); }
Result<Fd> bind_udp() { return bound(SOCK_DGRAM); }

Endpoint local_endpoint(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return endpoint_of(address);
}

Result<Fd> start_connect(const Endpoint& to) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return fail("cannot open a socket", last_error());
  set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, kernel_buffer_bytes);
  set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, kernel_buffer_bytes);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  const sockaddr_in address = to.socket_address();
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return fail("cannot connect to " + to.text(), last_error());
  }
  return socket;
}

void close_with_reset(Fd& socket) {
  if (!socket.is_open()) return;
  const linger now{1, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.close();
}

std::string last_error() { return std::strerror(errno); }

}  // namespace proxima::netlab

// The two ends of a relayed connection, as the tests play them: blocking sockets that give up after ten seconds.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>

#include "sdk/netlab/io/sockets.hpp"

namespace proxima::netlab::test {

inline Endpoint endpoint(const std::string& text) {
  const auto parsed = parse_endpoint(text);
  BOOST_TEST_REQUIRE(parsed.has_value());
  return *parsed;
}

inline void make_blocking(const Fd& socket) {
  BOOST_TEST_REQUIRE(socket.is_open());
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  const timeval limit{10, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// Connects, blocking. errno is kept in `error` where it fails.
inline Fd dial(const std::string& to, int* error = nullptr) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  make_blocking(socket);
  const sockaddr_in address = endpoint(to).socket_address();
  const int failed = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  if (error != nullptr) {
    *error = failed;
  } else {
    BOOST_TEST_REQUIRE(failed == 0);
  }
  return socket;
}

/// True when something can be read or accepted at this moment.
inline bool is_readable_now(const Fd& socket) {
  pollfd poll_one{socket.get(), POLLIN, 0};
  return ::poll(&poll_one, 1, 0) > 0;
}

inline void send_text(const Fd& socket, const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t part = ::send(socket.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    BOOST_TEST_REQUIRE(part > 0);
    sent += static_cast<std::size_t>(part);
  }
}

/// Reads until `size` bytes, the end of the stream or an error; the error, or 0, goes to `error`.
inline std::string receive_text(const Fd& socket, std::size_t size, int* error = nullptr) {
  std::string text;
  std::string block(64 * 1024, '\0');
  while (text.size() < size) {
    const ssize_t got = ::recv(socket.get(), block.data(), std::min(block.size(), size - text.size()), 0);
    if (error != nullptr) *error = got < 0 ? errno : 0;
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

/// Where a node's agent would listen.
class Agent {
 public:
  Agent() {
    auto listener = bind_tcp();
    auto echo = bind_udp();
    BOOST_TEST_REQUIRE(listener.has_value());
    BOOST_TEST_REQUIRE(echo.has_value());
    listener_ = std::move(*listener);
    echo_ = std::move(*echo);
    make_blocking(listener_);
    make_blocking(echo_);
    BOOST_TEST_REQUIRE(::listen(listener_.get(), 16) == 0);
  }

  [[nodiscard]] std::string frames() const { return local_endpoint(listener_).text(); }
  [[nodiscard]] std::string echo() const { return local_endpoint(echo_).text(); }
  [[nodiscard]] const Fd& listener() const { return listener_; }
  [[nodiscard]] const Fd& echo_socket() const { return echo_; }

  [[nodiscard]] Fd accept() const {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    make_blocking(socket);
    return socket;
  }

  /// Takes one datagram, sends it back, and returns its text.
  [[nodiscard]] std::string answer_echo() const {
    std::string text(2048, '\0');
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(echo_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    BOOST_TEST_REQUIRE(got >= 0);
    text.resize(static_cast<std::size_t>(got));
    (void)::sendto(echo_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    return text;
  }

 private:
  Fd listener_;
  Fd echo_;
};

/// A client's UDP socket.
class EchoClient {
 public:
  explicit EchoClient(const std::string& relay) : relay_(endpoint(relay)) {
    auto socket = bind_udp();
    BOOST_TEST_REQUIRE(socket.has_value());
    socket_ = std::move(*socket);
    make_blocking(socket_);
  }

  void send(const std::string& text) const {
    const sockaddr_in to = relay_.socket_address();
    BOOST_TEST_REQUIRE(::sendto(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                                sizeof to) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string receive() const {
    std::string text(2048, '\0');
    const ssize_t got = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  [[nodiscard]] const Fd& socket() const { return socket_; }

 private:
  Endpoint relay_;
  Fd socket_;
};

}  // namespace proxima::netlab::test

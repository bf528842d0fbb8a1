#include "sdk/netlab/probe/measure.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <thread>

#include "sdk/netlab/io/watch.hpp"

namespace proxima::netlab {

namespace {

constexpr std::size_t echo_bytes = 64;

void make_blocking(const Fd& socket, int seconds) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK);
  const timeval limit{seconds, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// Answers until it gets an empty datagram.
void serve_echoes(const Fd& socket) {
  std::array<char, 2048> buffer{};
  for (;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got == 0) return;
    if (got > 0) {
      (void)::sendto(socket.get(), buffer.data(), static_cast<std::size_t>(got), 0,
                     reinterpret_cast<const sockaddr*>(&from), size);
    }
  }
}

Result<double> echo_once(const Fd& client, const sockaddr_in& relay) {
  std::array<char, echo_bytes> payload{};
  const Instant begin = monotonic_now();
  (void)::sendto(client.get(), payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&relay), sizeof relay);
  if (::recv(client.get(), payload.data(), payload.size(), 0) < 0) {
    return fail("an echo did not come back", last_error(), "is the lab's loss 0?");
  }
  return (monotonic_now() - begin).ms();
}

void send_all(const Fd& socket, std::size_t bytes) {
  const std::vector<char> block(64 * 1024, 'p');
  while (bytes > 0) {
    const ssize_t sent = ::send(socket.get(), block.data(), std::min(bytes, block.size()), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes -= static_cast<std::size_t>(sent);
  }
}

Result<double> receive_all(const Fd& socket, std::size_t bytes) {
  std::vector<char> block(256 * 1024);
  std::size_t got_bytes = 0;
  std::size_t first_bytes = 0;
  Instant first;
  while (got_bytes < bytes) {
    const ssize_t got = ::recv(socket.get(), block.data(), block.size(), 0);
    if (got <= 0) return fail("the transfer ended early", got == 0 ? "the connection was closed" : last_error());
    if (got_bytes == 0) {
      first = monotonic_now();
      first_bytes = static_cast<std::size_t>(got);
    }
    got_bytes += static_cast<std::size_t>(got);
  }
  const double seconds = (monotonic_now() - first).ms() / 1e3;
  return static_cast<double>(bytes - first_bytes) * 8.0 / seconds / 1e6;
}

}  // namespace

Result<Backend> open_backend() {
  Result<Fd> echo = bind_udp();
  if (!echo) return echo.failure();
  Result<Fd> listener = bind_tcp();
  if (!listener) return listener.failure();
  if (::listen(listener->get(), 8) != 0) return fail("cannot listen", last_error());
  make_blocking(*echo, 60);
  make_blocking(*listener, 5);
  return Backend{std::move(*echo), std::move(*listener)};
}

Result<std::vector<double>> measure_echoes(const Endpoint& relay, const Backend& backend, std::size_t count) {
  Result<Fd> client = bind_udp();
  if (!client) return client.failure();
  make_blocking(*client, 2);
  std::thread server([&backend] { serve_echoes(backend.echo); });
  const sockaddr_in to = relay.socket_address();
  Result<std::vector<double>> times = std::vector<double>();
  for (std::size_t i = 0; i < count && times; ++i) {
    const Result<double> time = echo_once(*client, to);
    if (time) {
      times->push_back(*time);
    } else {
      times = time.failure();
    }
  }
  const sockaddr_in server_address = local_endpoint(backend.echo).socket_address();
  (void)::sendto(client->get(), nullptr, 0, 0, reinterpret_cast<const sockaddr*>(&server_address), sizeof server_address);
  server.join();
  return times;
}

Result<double> measure_transfer(const Endpoint& relay, const Backend& backend, std::size_t bytes, Way way) {
  Result<Fd> client = start_connect(relay);
  if (!client) return client.failure();
  make_blocking(*client, 30);
  const Fd server(::accept4(backend.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!server.is_open()) return fail("the relay did not connect to its backend", last_error());
  make_blocking(server, 30);
  const Fd& from = way == Way::up ? *client : server;
  const Fd& to = way == Way::up ? server : *client;
  std::thread sender([&] { send_all(from, bytes); });
  Result<double> rate = receive_all(to, bytes);
  if (!rate) ::shutdown(to.get(), SHUT_RDWR);
  sender.join();
  return rate;
}

}  // namespace proxima::netlab

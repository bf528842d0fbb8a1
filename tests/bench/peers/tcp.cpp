// Frames over a plain TCP connection of the loopback: the floor of everything that goes through a socket.
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/peers/peer.hpp"

namespace {

using namespace proxima::bench;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void no_delay(int fd) {
  const int on = 1;
  require(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

void write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
    require(sent > 0, "send");
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

void read_all(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = recv(fd, at, size, 0);
    if (got == 0) throw std::runtime_error("the other side has closed");
    require(got > 0, "recv");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}

void serve(Ledger& ledger, const Announce& announce) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(listener >= 0, "socket");
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  require(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  require(listen(listener, 1) == 0, "listen");
  require(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
  announce(std::to_string(ntohs(address.sin_port)));
  const int fd = accept(listener, nullptr, nullptr);
  require(fd >= 0, "accept");
  no_delay(fd);
  std::vector<std::uint8_t> frame(frame_bytes);
  while (true) {
    read_all(fd, frame.data(), frame.size());
    const Answer answer = execute(frame, ledger);
    write_all(fd, answer.data(), answer_bytes);
  }
}

class Client : public FrameClient {
 public:
  explicit Client(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    require(fd_ >= 0, "socket");
    const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::atoi(endpoint.c_str())));
    require(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
    no_delay(fd_);
  }
  ~Client() override { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answer exchange(std::span<const std::uint8_t> frame) override {
    Answer answer{};
    write_all(fd_, frame.data(), frame.size());
    read_all(fd_, answer.data(), answer_bytes);
    return answer;
  }

 private:
  int fd_;
};

}  // namespace

int main() {
  return peer_main({serve, [](const std::string& endpoint) { return std::make_unique<Client>(endpoint); }});
}

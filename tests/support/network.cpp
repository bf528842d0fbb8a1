#include "tests/support/network.hpp"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace proxima::tests {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  const bool bound = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("cannot find a free port");
  return ntohs(address.sin_port);
}

bool accepts_connections(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool accepted = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return accepted;
}

Broker::Broker(const std::vector<std::string>& extra) : extra_(extra) {
  for (int attempt = 0; attempt < 5 && !process_; ++attempt) {
    port_ = free_port();
    start();
  }
  if (!process_) throw std::runtime_error("mosquitto does not start: is it installed (apt-get install mosquitto)?");
}

void Broker::start() {
  const std::string configuration = directory_.file("mosquitto.conf");
  std::ofstream out(configuration);
  out << "listener " << port_ << " 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
      << "max_inflight_messages 0\nlog_dest stderr\n";
  for (const std::string& line : extra_) out << line << "\n";
  out.close();
  process_ = std::make_unique<Process>(std::vector<std::string>{"mosquitto", "-c", configuration});
  const bool up = eventually([&] { return accepts_connections(port_) || !process_->running(); });
  if (!up || !process_->running()) process_.reset();
}

void Broker::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

void Broker::restart() {
  start();
  if (!process_) throw std::runtime_error("mosquitto does not start again on its port");
}

}  // namespace proxima::tests

#include "tests/e2e/tcp_sockets.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace proxima::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* established = "01";
constexpr const char* listen = "0A";

/// The inodes of its sockets: /proc/PID/fd has links to "socket:[INODE]".
std::set<std::string> socket_inodes(pid_t pid) {
  constexpr std::string_view lead = "socket:[";
  std::set<std::string> inodes;
  std::error_code ended;
  for (fs::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", ended), end; !ended && entry != end; entry.increment(ended)) {
    std::error_code closed;
    const std::string target = fs::read_symlink(entry->path(), closed).string();
    if (target.starts_with(lead)) inodes.insert(target.substr(lead.size(), target.size() - lead.size() - 1));
  }
  return inodes;
}

/// The port of "0100007F:1F90".
std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1), nullptr, 16));
}

}  // namespace

TcpPorts tcp_ports(pid_t pid) {
  const std::set<std::string> mine = socket_inodes(pid);
  TcpPorts ports;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);  // the heading
    while (std::getline(in, line)) {
      std::istringstream columns(line);
      std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      columns >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      if (!mine.contains(inode)) continue;
      if (state == listen) ports.listening.insert(port_of(local));
      if (state == established) ports.connected_to.insert(port_of(remote));
    }
  }
  return ports;
}

}  // namespace proxima::tests

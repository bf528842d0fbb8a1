// The TCP sockets that a process holds, as the kernel lists them under /proc. For tests; any thread.
#pragma once

#include <cstdint>
#include <set>

#include <sys/types.h>

namespace proxima::tests {

/// Ports; all of them of this machine, since nothing here speaks to another.
struct TcpPorts {
  std::set<std::uint16_t> listening;     ///< own ones
  std::set<std::uint16_t> connected_to;  ///< the far end's, of established connections
};

/// What the process holds at this moment; nothing if there is no such process.
[[nodiscard]] TcpPorts tcp_ports(pid_t pid);

}  // namespace proxima::tests

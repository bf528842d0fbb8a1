// IPv4 loopback sockets as the relay needs them: non-blocking, no Nagle, small kernel buffers. No state.
#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "sdk/netlab/io/fd.hpp"

namespace proxima::netlab {

/// An IPv4 address and port in network byte order.
struct Endpoint {
  std::uint32_t address = 0;
  std::uint16_t port = 0;

  [[nodiscard]] sockaddr_in socket_address() const;
  [[nodiscard]] std::string text() const;  ///< "127.0.0.1:4711"
  auto operator<=>(const Endpoint&) const = default;
};

[[nodiscard]] Endpoint endpoint_of(const sockaddr_in& address);

/// Reads "HOST:PORT" with HOST in 127.0.0.0/8 or "localhost"; the lab never leaves the machine.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

/// A TCP socket bound to 127.0.0.1 and a free port, not listening yet: until it does, connecting is refused.
[[nodiscard]] Result<Fd> bind_tcp();
/// A UDP socket bound to 127.0.0.1 and a free port; the kernel stamps what it receives.
[[nodiscard]] Result<Fd> bind_udp();
/// Where a bound socket is.
[[nodiscard]] Endpoint local_endpoint(const Fd& socket);

/// Starts to connect; the socket becomes writable when it is done. The failure's reason is the system's words.
[[nodiscard]] Result<Fd> start_connect(const Endpoint& to);

/// Closes so that the other side gets a reset.
void close_with_reset(Fd& socket);

/// errno in words.
[[nodiscard]] std::string last_error();

}  // namespace proxima::netlab

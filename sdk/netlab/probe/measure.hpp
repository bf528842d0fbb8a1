// Measures a relay from outside, with plain blocking sockets: echoes and transfers. For the probe program.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/result.hpp"
#include "sdk/netlab/io/sockets.hpp"

namespace proxima::netlab {

/// An echo server and a TCP listener: the place of a node's agent.
struct Backend {
  Fd echo;
  Fd listener;
};
[[nodiscard]] Result<Backend> open_backend();

/// Round trips of `count` datagrams of 64 bytes in milliseconds, one after the other, through `relay` to the backend's
/// echo, which is served meanwhile. Fails where one does not come back within two seconds.
[[nodiscard]] Result<std::vector<double>> measure_echoes(const Endpoint& relay, const Backend& backend,
                                                         std::size_t count);

enum class Way { up, down };

/// The rate in Mbit/s at which `bytes` arrive through `relay`, from the first arrival to the last; the distance is so no
/// part of it. Up: to the backend; down: from it.
[[nodiscard]] Result<double> measure_transfer(const Endpoint& relay, const Backend& backend, std::size_t bytes, Way way);

}  // namespace proxima::netlab

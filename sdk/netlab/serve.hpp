// `proxima-netlab serve`: runs a lab until it is told to stop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace proxima::netlab {

struct ServeOptions {
  std::string lab;
  std::string socket;
  std::uint64_t seed = 1;
  std::optional<std::string> api;
  std::optional<std::string> broker;
};

/// Serves until SIGTERM or SIGINT. Prints one JSON line when all is open. Returns the exit code.
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace proxima::netlab

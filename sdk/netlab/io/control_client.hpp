// Asks a running lab one thing and waits for the answer. Blocking; for the command line and tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/base/result.hpp"
#include "sdk/netlab/request.hpp"

namespace proxima::netlab {

/// Where the socket is when nobody says: in $PROXIMA_DIR, or else in the run directory that the link
/// ${XDG_RUNTIME_DIR:-/tmp}/proxima-<uid>/current names.
[[nodiscard]] std::string default_socket_path();

/// Sends one line and returns the answer's line. Fails where nobody serves, or no answer comes within five seconds.
[[nodiscard]] Result<std::string> ask_line(const std::string& socket_path, const std::string& line);

/// Sends a request and returns the answer, which has "ok" and, where that is false, "error".
[[nodiscard]] Result<nlohmann::json> ask(const std::string& socket_path, const Request& request);

}  // namespace proxima::netlab

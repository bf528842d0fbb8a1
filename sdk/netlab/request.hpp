// What can be asked of a running lab, and its form on the control socket: one JSON object a line. No state, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_request_bytes = 16 * 1024;

/// Where that node's agent listens now.
struct SetBackend {
  std::string node;
  std::string frames;
  std::string echo;
};
/// Where the coordinator's API and the broker listen now; one may be left as it is.
struct SetTargets {
  std::optional<std::string> api;
  std::optional<std::string> broker;
};
struct Change {
  std::string key;
  double value = 0.0;
};
/// New figures for a node's link; all or none.
struct SetShape {
  std::string node;
  std::vector<Change> changes;
};
struct Cut {
  std::string node;
  bool control = false;  ///< the agent's broker and API links in place of frames and echoes
};
struct Heal {
  std::string node;
};
struct AskStatus {};

using Request = std::variant<SetBackend, SetTargets, SetShape, Cut, Heal, AskStatus>;

/// Reads one line. Every address and figure is checked here, so that a failure is the asker's mistake.
[[nodiscard]] Result<Request> parse_request(std::string_view line);

/// The line for a request, without the newline.
[[nodiscard]] std::string to_line(const Request& request);

/// Reads "rtt_ms=80" and checks key and range.
[[nodiscard]] Result<Change> parse_change(std::string_view text);

}  // namespace proxima::netlab

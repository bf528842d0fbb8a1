// What a task asks for: the manifest's content, as every part of Proxima passes it on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.hpp"

namespace proxima::protocol {

/// How a frame is laid out. The numbers are on the wire.
enum class FrameFormat : std::uint8_t { bytes = 0, grey8 = 1, jpeg_grey = 2 };

/// What the client feeds: a picture scaled to at most width × height (0: as it is) in this format.
struct InputSpec {
  FrameFormat format = FrameFormat::bytes;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::uint8_t quality = 85;           ///< of a JPEG, 1 to 100
  std::uint32_t max_bytes = 1U << 20U; ///< a larger frame is refused by client and agent
};

/// The latency promise. Without a deadline (a comparison run) the task is never refused for time.
struct Contract {
  std::optional<double> deadline_ms;
  std::optional<double> p95_ms;
  double rate_hz = 1;                  ///< frames a second that the source sends
};

struct TaskSpec {
  std::string name;                    ///< is_name()
  std::string version;                 ///< "0.1.0"
  Digest module;                       ///< SHA-256 of the .wasm
  Contract contract;
  std::uint32_t memory_mib = 16;
  std::vector<std::string> functions;  ///< host function groups: "vision"
  InputSpec input;
  std::string pinned_node;             ///< a node's name or id; empty: any
};

}  // namespace proxima::protocol

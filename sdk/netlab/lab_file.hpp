// Reads a lab file: up to sixteen nodes with their distances and sizes. Strict: what it does not know it refuses, with
// the place. Used by proxima-netlab, `proxima up --lab` and the demo; no state, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::netlab {

inline constexpr std::size_t max_lab_nodes = 16;
inline constexpr std::size_t max_lab_file_bytes = 64 * 1024;

/// One [[node]] of a lab; contracts/README.md and docs name the units.
struct LabNode {
  std::string name;
  double rtt_ms = 0.0;
  double jitter_ms = 0.0;
  double loss_percent = 0.0;
  double rate_mbit = 1000.0;
  double cpu_percent = 100.0;     ///< share of one core
  std::uint32_t memory_mib = 256;
  std::vector<std::string> host;  ///< host functions on offer
  bool cloud = false;
};

struct Lab {
  std::vector<LabNode> nodes;  ///< in the file's order, 1 to 16, names differ
};

/// Parses the text of a lab. `file` only names it in errors, which read "file:line:column: what: why; what to try";
/// of several the first in the file is told.
[[nodiscard]] Result<Lab> parse_lab(std::string_view text, const std::string& file);

/// Reads and parses a lab file of at most 64 KiB.
[[nodiscard]] Result<Lab> read_lab(const std::string& path);

}  // namespace proxima::netlab

// Reads a task's manifest, task.toml. All mistakes are found at once, each with its place and what to try.
// Pure but for read_manifest(); any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/task_spec.hpp"

namespace proxima::manifest {

/// One mistake: "task.toml:5:18: what; why; try".
struct Mistake {
  std::string file;
  std::uint32_t line = 0;    ///< from 1; 0: the file as a whole
  std::uint32_t column = 0;
  std::string what;
  std::string why;
  std::string hint;

  [[nodiscard]] std::string text() const;
};

struct Manifest {
  protocol::TaskSpec spec;   ///< `module` (a digest) stays empty: the file is not read here
  std::string module;        ///< the path as written, relative to the manifest
};

/// Either a manifest or at least one mistake, in order of their places.
struct Reading {
  std::optional<Manifest> manifest;
  std::vector<Mistake> mistakes;

  /// All mistakes, one a line.
  [[nodiscard]] std::string text() const;
};

/// `file` only names it in mistakes.
[[nodiscard]] Reading parse_manifest(std::string_view text, const std::string& file);

/// Reads a file of at most limits::manifest_bytes.
[[nodiscard]] Reading read_manifest(const std::string& path);

}  // namespace proxima::manifest

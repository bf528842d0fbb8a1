// Runs the translator and the compiler on bytes that a stranger wrote: without network, on a read-only system, with
// limits of time, memory and output; the child and all it started are gone when run() returns. Any thread; one call at
// a time in a process (it forks).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::builder {

struct JailLimits {
  std::uint32_t wall_s = 180;                             ///< long: the machine may be busy; cpu_s is the bound
  std::uint32_t cpu_s = 60;
  std::uint64_t memory_bytes = std::uint64_t{2} << 30U;   ///< of private writable memory
  std::uint64_t file_bytes = std::uint64_t{64} << 20U;    ///< of any one file it writes
};

/// How far the programs are shut in, tried out once.
enum class JailLevel { limits_only, namespaces };

class Jail {
 public:
  /// Tries bubblewrap out. `readable`: folders outside the system's own that the programs read.
  static Jail probe(std::vector<std::string> readable);

  [[nodiscard]] JailLevel level() const { return level_; }

  /// Runs `command` (an absolute path first) with `folder`, the only one it can write, as its working directory. Fails
  /// with the program's own words, at most 2 KiB of them, or with the limit that ended it.
  Result<void> run(const std::vector<std::string>& command, const std::string& folder, const JailLimits& limits) const;

 private:
  Jail(JailLevel level, std::string bwrap, std::vector<std::string> readable)
      : level_(level), bwrap_(std::move(bwrap)), readable_(std::move(readable)) {}
  [[nodiscard]] std::vector<std::string> wrapped(const std::vector<std::string>& command,
                                                 const std::string& folder) const;

  JailLevel level_;
  std::string bwrap_;
  std::vector<std::string> readable_;
};

}  // namespace proxima::builder

// Lines on stderr for people, or JSON lines for machines. Owned by main and passed by reference; any thread may write:
// a line is one write(2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace proxima::io {

enum class LogLevel { debug, info, warning, error };

struct LogOptions {
  LogLevel level = LogLevel::info;  ///< lines below it are not written
  bool json = false;                ///< --log-json: {"time":…,"level":…,"area":…,"message":…}
  int fd = 2;
};

/// "debug", "info", "warning", "error"; nullopt for anything else.
[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view text);

class Log {
 public:
  explicit Log(LogOptions options = {}) : options_(options) {}

  void debug(std::string_view area, std::string_view message) const { write(LogLevel::debug, area, message); }
  void info(std::string_view area, std::string_view message) const { write(LogLevel::info, area, message); }
  void warning(std::string_view area, std::string_view message) const { write(LogLevel::warning, area, message); }
  void error(std::string_view area, std::string_view message) const { write(LogLevel::error, area, message); }
  /// The message may be anybody's bytes: control characters and broken UTF-8 are escaped, and it is cut at 4 096 bytes.
  void write(LogLevel level, std::string_view area, std::string_view message) const;
  [[nodiscard]] bool enabled(LogLevel level) const { return level >= options_.level; }

 private:
  LogOptions options_;
};

}  // namespace proxima::io

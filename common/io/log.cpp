#include "common/io/log.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include <unistd.h>

namespace proxima::io {
namespace {

constexpr std::size_t message_bytes_max = 4096;

constexpr std::string_view level_text(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return {};
}

std::string time_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  std::array<char, 40> date{};
  const std::size_t size = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 32> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06ldZ", now.tv_nsec / 1000);
  return std::string(date.data(), size) + fraction.data();
}

// True for a byte that stands for itself in a line and in JSON. Bytes of 0x80 and more are let through only where they
// form whole characters, which `escaped` checks.
bool plain(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  std::size_t length = 0;
  if (first >= 0xC3 && first <= 0xDF) length = 2;  // from U+00C0: C1 controls are not let through
  if (first >= 0xE1 && first <= 0xEC) length = 3;  // without the rows that hold overlong forms and surrogates
  if (first >= 0xF1 && first <= 0xF3) length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

std::string escaped(std::string_view text, bool json) {
  std::string out;
  text = text.substr(0, message_bytes_max);
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const std::size_t wide = utf8_length(text);
    if (wide > 0) {
      out += text.substr(0, wide);
      text.remove_prefix(wide);
      continue;
    }
    std::array<char, 8> code{};
    if (plain(c) || (!json && (c == '"' || c == '\\'))) {
      out += text[0];
    } else if (json) {
      std::snprintf(code.data(), code.size(), "\\u%04x", c);
      out += code.data();
    } else {
      std::snprintf(code.data(), code.size(), "\\x%02x", c);
      out += code.data();
    }
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::optional<LogLevel> log_level_from(std::string_view text) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (text == level_text(level)) return level;
  }
  return std::nullopt;
}

void Log::write(LogLevel level, std::string_view area, std::string_view message) const {
  if (!enabled(level)) return;
  const std::string name(level_text(level));
  std::string line;
  if (options_.json) {
    line = R"({"time":")" + time_text() + R"(","level":")" + name + R"(","area":")" + escaped(area, true) +
           R"(","message":")" + escaped(message, true) + "\"}\n";
  } else {
    line = time_text() + " " + name + " " + escaped(area, false) + ": " + escaped(message, false) + "\n";
  }
  // A log that cannot be written has nobody to tell.
  [[maybe_unused]] const ssize_t put = ::write(options_.fd, line.data(), line.size());
}

}  // namespace proxima::io

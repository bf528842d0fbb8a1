#include "coordinator/core/to_text.hpp"

#include "common/protocol/limits.hpp"
#include "coordinator/core/coordinator.hpp"

namespace proxima::coordinator {

const char* to_text(NodeState state) {
  switch (state) {
    case NodeState::present: return "present";
    case NodeState::silent: return "silent";
    case NodeState::lost: return "lost";
  }
  return "unknown";
}

const char* to_text(TaskState state) {
  switch (state) {
    case TaskState::measuring: return "measuring";
    case TaskState::trying: return "trying";
    case TaskState::placed: return "placed";
    case TaskState::refused: return "refused";
    case TaskState::stopped: return "stopped";
  }
  return "unknown";
}

const char* to_text(Constraint constraint) {
  switch (constraint) {
    case Constraint::host_function: return "host_function";
    case Constraint::memory_mib: return "memory_mib";
    case Constraint::deadline_ms: return "deadline_ms";
    case Constraint::p95_ms: return "p95_ms";
    case Constraint::rate_hz: return "rate_hz";
    case Constraint::arch: return "arch";
    case Constraint::isolation: return "isolation";
    case Constraint::owner: return "owner";
    case Constraint::residency: return "residency";
    case Constraint::state: return "state";
  }
  return "unknown";
}

std::string one_decimal(double value) {
  if (!(value > -1e12 && value < 1e12)) return "very large";
  const bool negative = value < 0;
  const auto tenths = static_cast<std::int64_t>((negative ? -value : value) * 10 + 0.5);
  return (negative && tenths > 0 ? "-" : "") + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

double rounded_up(double value) {
  if (!(value > -1e12 && value < 1e12)) return value;
  auto hundredths = static_cast<std::int64_t>(value * 100);
  while (static_cast<double>(hundredths) / 100 < value) ++hundredths;
  return static_cast<double>(hundredths) / 100;
}

std::string bounded(std::string_view text) { return std::string(text.substr(0, limits::text_bytes)); }

}  // namespace proxima::coordinator

// Events and reports in words, for the log. Values only.
#pragma once

#include <string>

#include "agent/core/events.hpp"
#include "common/io/log.hpp"
#include "common/protocol/control.hpp"

namespace proxima::agent {

/// One line: what happened, with the ids that it is about.
[[nodiscard]] std::string event_text(const Event& event);

/// A change of an instance, at the level that it deserves.
void log_report(const io::Log& log, const protocol::InstanceReport& report);

}  // namespace proxima::agent

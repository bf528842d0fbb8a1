// One line for each event and effect: what the driver logs at level debug, and what a replay would read. Values only.
#pragma once

#include <string>

#include "coordinator/core/effects.hpp"
#include "coordinator/core/events.hpp"

namespace proxima::coordinator {

[[nodiscard]] std::string trace_text(const Event& event);
[[nodiscard]] std::string trace_text(const Effect& effect);

}  // namespace proxima::coordinator

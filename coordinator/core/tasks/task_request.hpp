// Whether a task request can be taken at all. Pure.
#pragma once

#include "common/base/result.hpp"
#include "coordinator/core/events.hpp"

namespace proxima::coordinator {

/// Checks every field of a request that a stranger sent against limits.hpp; the failure names the field and its range.
[[nodiscard]] Result<void> check(const TaskRequested& request);

}  // namespace proxima::coordinator

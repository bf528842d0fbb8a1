// Runs a loop until something has happened: the deadline only ends a test that would hang. One thread, the loop's.
#pragma once

#include <functional>

#include "common/io/loop.hpp"

namespace proxima::tests {

/// Runs callbacks until `condition` holds (checked after each round); false if it does not within `limit`.
bool run_until(io::Loop& loop, const std::function<bool()>& condition, Duration limit = Duration::seconds(30));

/// Runs callbacks for `span`: to see that something does not happen.
void run_for(io::Loop& loop, Duration span);

}  // namespace proxima::tests

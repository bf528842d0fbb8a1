// Assertions for bugs: on in every build. Never for input from a wire, file, user or device.
#pragma once

namespace proxima::base {

/// Prints the failed condition with its place on stderr and aborts.
[[noreturn]] void assert_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace proxima::base

#define PROXIMA_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::proxima::base::assert_failed(#condition, __FILE__, __LINE__))

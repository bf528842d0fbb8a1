// The exit codes of proxima-netlab, a part of those of all our programs.
#pragma once

namespace proxima::netlab {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;  ///< or a bad file
inline constexpr int exit_unreachable = 3;

}  // namespace proxima::netlab

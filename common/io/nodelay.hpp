// Switches Nagle's algorithm off for every TCP connection that this program opens. See nodelay.cpp.
#pragma once

namespace proxima::io {

/// Makes the linker take nodelay.cpp in, whose `connect` then stands before the C library's. True: it always does.
[[nodiscard]] bool connects_without_nagle();

}  // namespace proxima::io

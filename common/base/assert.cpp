#include "common/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace proxima::base {

void assert_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: bug: \"%s\" does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace proxima::base

#include "tests/support/run_loop.hpp"

namespace proxima::tests {

bool run_until(io::Loop& loop, const std::function<bool()>& condition, Duration limit) {
  bool late = false;
  io::Timer deadline(loop, [&] { late = true; });
  deadline.once_in(limit);
  while (!condition() && !late) loop.run_once();
  return condition();
}

void run_for(io::Loop& loop, Duration span) {
  run_until(loop, [] { return false; }, span);
}

}  // namespace proxima::tests

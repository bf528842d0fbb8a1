// Planted: a core that reads a clock. The symbol guard must name it.
#include <chrono>

long planted_now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

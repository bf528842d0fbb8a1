// Prints the digest of each of the first N seeds' runs: equal on every compiler and architecture.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/region.hpp"

int main(int argc, char** argv) {
  const std::uint64_t count = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
  if (count == 0) {
    std::fprintf(stderr, "usage: sim_digest COUNT\n");
    return 2;
  }
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    proxima::sim::Region region({seed, false, proxima::sim::Plant::none});
    try {
      const proxima::sim::RunCounts counts = region.run();
      std::printf("%llu %016llx %llu\n", static_cast<unsigned long long>(seed), static_cast<unsigned long long>(counts.digest),
                  static_cast<unsigned long long>(counts.steps));
    } catch (const proxima::sim::Violation& violation) {
      std::fprintf(stderr, "seed %llu: %s: %s\n", static_cast<unsigned long long>(seed), violation.invariant.c_str(), violation.what());
      return 1;
    }
  }
  return 0;
}

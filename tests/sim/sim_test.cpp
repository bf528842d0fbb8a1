// Runs seeds of the simulation and checks the invariants.
//   sim_test [--from N] [--count N]     those seeds; fails with the seed, the invariant and how to replay it
//   sim_test --seed N [--trace]         one seed, with its events
//   sim_test --plant NAME               the planted bug must break its invariant within some seeds
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/region.hpp"

namespace {

using proxima::sim::Plant;
using proxima::sim::PlantRow;
using proxima::sim::Region;
using proxima::sim::RunCounts;
using proxima::sim::RunOptions;
using proxima::sim::Violation;

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t count = 1000;
  std::optional<std::uint64_t> seed;
  bool trace = false;
  std::optional<PlantRow> plant;
};

std::optional<Arguments> read(const std::vector<std::string_view>& words) {
  Arguments out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--trace") {
      out.trace = true;
      continue;
    }
    if (i + 1 == words.size()) return std::nullopt;
    const std::string value(words[i + 1]);
    if (words[i] == "--plant") {
      for (const PlantRow& row : proxima::sim::plants)
        if (row.name == value) out.plant = row;
      if (!out.plant) return std::nullopt;
    } else {
      const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
      if (number == 0) return std::nullopt;
      if (words[i] == "--from") out.from = number;
      else if (words[i] == "--count") out.count = number;
      else if (words[i] == "--seed") out.seed = number;
      else return std::nullopt;
    }
    ++i;
  }
  return out;
}

/// The invariant that broke, if one did.
std::optional<std::string> broken_in(const RunOptions& options, RunCounts& sum) {
  Region region(options);
  try {
    const RunCounts counts = region.run();
    sum.steps += counts.steps;
    sum.frames += counts.frames;
    sum.delivered += counts.delivered;
    sum.takeovers += counts.takeovers;
    sum.moves += counts.moves;
    sum.stale_refused += counts.stale_refused;
    sum.faults += counts.faults;
    return std::nullopt;
  } catch (const Violation& violation) {
    std::fprintf(stderr, "seed %llu: %s: %s (at %.3f ms)\n", static_cast<unsigned long long>(options.seed),
                 violation.invariant.c_str(), violation.what(), static_cast<double>(region.now().ns - 1'000'000'000) / 1e6);
    return violation.invariant;
  }
}

int run_plant(const Arguments& arguments) {
  constexpr std::uint64_t tries = 300;
  RunCounts sum;
  for (std::uint64_t seed = arguments.seed.value_or(1); seed <= arguments.seed.value_or(tries); ++seed) {
    const auto broken = broken_in({seed, arguments.trace, arguments.plant->plant}, sum);
    // In some runs the same bug does other harm first.
    if (broken == arguments.plant->breaks) return EXIT_SUCCESS;
  }
  std::fprintf(stderr, "the planted bug did not break %s\n", std::string(arguments.plant->breaks).c_str());
  return EXIT_FAILURE;
}

int run_seeds(const Arguments& arguments) {
  RunCounts sum;
  std::uint64_t failures = 0;
  for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.count; ++seed) {
    if (!broken_in({seed, false, Plant::none}, sum)) continue;
    std::fprintf(stderr, "  replay: sim_test --seed %llu --trace\n", static_cast<unsigned long long>(seed));
    if (++failures == 10) break;
  }
  const auto print = [](const char* name, std::uint64_t value) { std::printf("%s %llu\n", name, static_cast<unsigned long long>(value)); };
  print("steps", sum.steps);
  print("faults", sum.faults);
  print("frames", sum.frames);
  print("delivered", sum.delivered);
  print("takeovers", sum.takeovers);
  print("moves", sum.moves);
  print("stale_refused", sum.stale_refused);
  // Runs in which nothing happened would prove nothing.
  const bool lively = arguments.count < 500 || (sum.takeovers > 100 && sum.stale_refused > 10 && sum.moves > 0 &&
                                                sum.delivered > sum.frames / 2);
  if (!lively) std::fprintf(stderr, "the runs had too little in them\n");
  return failures == 0 && lively ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = read(std::vector<std::string_view>(argv + 1, argv + argc));
  if (!arguments) {
    std::fprintf(stderr, "usage: sim_test [--from N] [--count N] | --seed N [--trace] | --plant NAME\n");
    return 2;
  }
  if (arguments->plant) return run_plant(*arguments);
  if (!arguments->seed) return run_seeds(*arguments);
  RunCounts sum;
  return broken_in({*arguments->seed, arguments->trace, Plant::none}, sum) ? EXIT_FAILURE : EXIT_SUCCESS;
}

// proxima-bench: runs the benchmarks one after the other and shows what they found beside floors, peers and goals. Judges
// nothing with its exit status: 1 only if a benchmark could not run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "sdk/netlab/io/keep_awake.hpp"
#include "tests/bench/benches.hpp"

namespace {

using namespace proxima::bench;

struct Bench {
  const char* name;
  std::vector<Row> (*run)(const Setting&);
};

constexpr Bench benches[] = {{"frame", bench_frame}, {"streams", bench_streams}, {"failover", bench_failover},
                             {"agent", bench_agent}, {"start", bench_start},     {"netlab", bench_netlab}};

bool is_bench(const std::string& name) {
  return std::any_of(std::begin(benches), std::end(benches), [&](const Bench& bench) { return name == bench.name; });
}

void print(const std::vector<Row>& rows, bool json) {
  if (json) {
    for (const Row& row : rows) std::cout << to_json(row) << '\n';
  } else {
    std::cout << to_table(rows) << '\n';
  }
  std::cout.flush();
}

/// False if it could not run.
bool run_one(const Bench& bench, Setting& setting, bool json) {
  const auto began = std::chrono::steady_clock::now();
  setting.say = [&](const std::string& words) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
    std::fprintf(stderr, "%s %4lld s  %s\n", bench.name, static_cast<long long>(seconds), words.c_str());
  };
  try {
    print(bench.run(setting), json);
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s could not run: %s\n", bench.name, error.what());
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  Setting setting;
  setting.programs = fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
  setting.tasks = fs::path(setting.programs).parent_path() / "tasks";
  setting.wasm2c = PROXIMA_WASM2C;
  setting.lab = PROXIMA_LAB;
  setting.v8_start = PROXIMA_V8_START;
  setting.source = "synthetic";
  std::vector<std::string> names;
  bool json = false;
  CLI::App app{R"(Examples:
  proxima-bench
  proxima-bench frame netlab --quick
  proxima-bench --json > figures.jsonl

Runs frame, streams, failover, agent, start, netlab, or those named, one at a time on an otherwise idle machine.
)"};
  app.add_option("NAME", names, "frame, streams, failover, agent, start, netlab; none: all");
  app.add_flag("--json", json, "one JSON object a row (proxima/v1/bench) instead of tables");
  app.add_flag("--quick", setting.quick, "fewer and shorter: to see that it runs");
  app.add_option("--source", setting.source, "the clip that streams are fed with, or synthetic")->capture_default_str();
  app.add_option("--seed", setting.seed, "of phases and faults")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const std::string& name : names) {
    if (is_bench(name)) continue;
    std::fprintf(stderr, "proxima-bench: there is no bench '%s'; there are frame, streams, failover, agent, start, netlab\n", name.c_str());
    return 2;
  }
  const proxima::netlab::KeepAwake awake;  // for the peers as for us
  if (!awake.granted()) std::fprintf(stderr, "proxima-bench: processors may fall asleep (no right to write /dev/cpu_dma_latency)\n");
  bool all_ran = true;
  for (const Bench& bench : benches)
    if (names.empty() || std::find(names.begin(), names.end(), bench.name) != names.end()) all_ran = run_one(bench, setting, json) && all_ran;
  return all_ran ? 0 : 1;
}

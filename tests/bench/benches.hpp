// The benchmarks by name. Each runs alone, blocks until it is through and throws std::runtime_error where it could not run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/figures.hpp"

namespace proxima::bench {

struct Setting {
  std::string programs;  ///< folder of the binaries
  std::string tasks;     ///< folder of the built tasks
  std::string wasm2c;
  std::string source;    ///< the clip, or "synthetic"
  std::string lab;       ///< the default lab's file
  std::string v8_start;  ///< the script that node runs
  bool quick = false;
  std::uint64_t seed = 1;
  std::function<void(const std::string&)> say;  ///< progress, on stderr

  [[nodiscard]] std::string program(const std::string& name) const { return programs + "/" + name; }
  [[nodiscard]] std::string task(const std::string& name) const { return tasks + "/" + name; }
};

std::vector<Row> bench_frame(const Setting& setting);
std::vector<Row> bench_streams(const Setting& setting);
std::vector<Row> bench_failover(const Setting& setting);
std::vector<Row> bench_agent(const Setting& setting);
std::vector<Row> bench_start(const Setting& setting);
std::vector<Row> bench_netlab(const Setting& setting);

}  // namespace proxima::bench

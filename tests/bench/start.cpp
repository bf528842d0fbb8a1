// `start`: from nothing to the first frame of motion served, by a worker that stands ready and by one that is made from the
// cached object; beside the smallest process and beside V8. What is measured of ours: tests/integration/worker/start_bench.cpp.
#include <sstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "tests/bench/benches.hpp"
#include "tests/bench/camera.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::bench {
namespace {

using nlohmann::json;

constexpr int v8_rounds = 25;       // each time; it comes before and after ours
constexpr int node_starts = 10;

struct V8Times {
  std::vector<double> instance_us;
  std::vector<double> process_us;  ///< node started, module compiled, first frame, node ended
};

std::string checked(const std::vector<std::string>& argv) {
  tests::Finished done = tests::run(argv, std::chrono::minutes(3));
  if (done.status != 0) throw std::runtime_error(argv.front() + " failed: " + done.output);
  return done.output;
}

std::string native_object(const Setting& setting, const TaskDescription& task, const std::string& path) {
  setting.say("compiling motion to native code");
  checked({setting.program("proxima-builder"), "--wasm2c", setting.wasm2c, "build", setting.task("motion") + "/motion.wasm", "-o", path,
           "--memory-mib", std::to_string(task.memory_mib)});
  return path;
}

std::vector<std::string> v8_words(const Setting& setting, const TaskDescription& task, int rounds) {
  const auto bytes = static_cast<std::size_t>(task.input.width) * task.input.height;
  return {"node", setting.v8_start, setting.task("motion") + "/motion.wasm", std::to_string(bytes), std::to_string(task.input.width),
          std::to_string(task.input.height), std::to_string(rounds)};
}

void measure_v8(const Setting& setting, const TaskDescription& task, V8Times& times) {
  setting.say("first frames in V8");
  std::istringstream lines(checked(v8_words(setting, task, v8_rounds)));
  std::string what;
  for (double us = 0; lines >> what >> us;)
    if (what == "instance") times.instance_us.push_back(us);
  for (int i = 0; i < node_starts; ++i) {
    const std::int64_t began = now_ns();
    checked(v8_words(setting, task, 0));
    times.process_us.push_back(static_cast<double>(now_ns() - began) / 1e3);
  }
}

Row row_from(const json& line) {
  Row row;
  row.bench = "start";
  row.row = line.at("row").get<std::string>();
  row.unit = line.at("unit").get<std::string>();
  row.value = line.at("value").get<double>();
  row.min = line.at("min").get<double>();
  row.max = line.at("max").get<double>();
  row.n = line.at("n").get<long>();
  row.peers = line.at("peers").get<std::map<std::string, double>>();
  return row;
}

}  // namespace

std::vector<Row> bench_start(const Setting& setting) {
  const TaskDescription task = built_task(setting, "motion");
  const tests::TempDir directory;
  const std::string object = native_object(setting, task, directory.file("motion.so"));
  const auto bytes = static_cast<std::size_t>(task.input.width) * task.input.height;
  V8Times v8;
  measure_v8(setting, task, v8);
  setting.say("first frames in workers");
  std::istringstream lines(checked({setting.program("proxima-bench-start"), setting.program("proxima-worker"), object, std::to_string(bytes),
                                    std::to_string(task.input.width), std::to_string(task.input.height)}));
  std::vector<Row> rows;
  for (std::string line; std::getline(lines, line);) {
    const json one = json::parse(line, nullptr, false);
    if (one.is_object()) rows.push_back(row_from(one));
  }
  if (rows.empty()) throw std::runtime_error("proxima-bench-start printed no row");
  measure_v8(setting, task, v8);
  for (Row& row : rows) {
    row.peers["v8_instance"] = median(v8.instance_us);
    row.peers["v8_process"] = median(v8.process_us);
  }
  return rows;
}

}  // namespace proxima::bench

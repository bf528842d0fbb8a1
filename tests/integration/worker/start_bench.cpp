// Times the first frame of an instance, for scripts/bench: `warm` from a worker that stands ready, `cache` from the native
// object's file. Beside them the floor: the time to make and reap the smallest process. One JSON line (proxima/v1/bench) a row.
//
//   proxima-bench-start WORKER OBJECT [FRAME_BYTES WIDTH HEIGHT]
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/wait.h>

#include "agent/io/worker_runner.hpp"
#include "agent/io/worker_spawn.hpp"

namespace {

using namespace proxima;

constexpr int rounds = 50;

struct Times {
  std::vector<double> warm_us;
  std::vector<double> cache_us;
  std::vector<double> floor_us;
};

double us_since(std::uint64_t began) { return static_cast<double>(uv_hrtime() - began) / 1e3; }

/// One life: start, first frame, stop. False, with words on stderr, if it ends otherwise.
bool live_once(const std::string& program, const agent::WorkerSpec& spec, const std::vector<std::uint8_t>& frame, Times& times) {
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return false;
  std::unique_ptr<agent::WorkerRunner> runner;
  std::uint64_t submitted = 0;
  std::string end;
  const std::uint64_t began = uv_hrtime();
  agent::WorkerCallbacks callbacks;
  callbacks.on_ready = [&](const agent::WorkerProcesses&) {
    submitted = uv_hrtime();
    runner->submit(1, spec.input, frame);
  };
  callbacks.on_done = [&](const agent::WorkDone&) {
    times.warm_us.push_back(us_since(submitted));
    times.cache_us.push_back(us_since(began));
    runner->stop();
  };
  callbacks.on_gone = [&](const std::string& reason, std::uint64_t) { end = reason; };
  auto started = agent::WorkerRunner::start(loop, program, "", spec, std::move(callbacks));
  if (started) {
    runner = std::move(*started);
    while (end.empty()) uv_run(&loop, UV_RUN_ONCE);
    runner.reset();
  } else {
    end = started.error().text();
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  if (end != "stopped") std::fprintf(stderr, "proxima-bench-start: the worker is gone: %s\n", end.c_str());
  return end == "stopped";
}

bool floor_once(Times& times) {
  const std::uint64_t began = uv_hrtime();
  const auto child = agent::spawn_child("/bin/true", {"true"}, {}, {});
  if (!child || waitpid(child->pid, nullptr, 0) != child->pid) return false;
  times.floor_us.push_back(us_since(began));
  return true;
}

void print(const char* row, std::vector<double>& values, double floor_us) {
  std::sort(values.begin(), values.end());
  std::printf("{\"schema\":\"proxima/v1/bench\",\"bench\":\"start\",\"row\":\"%s\",\"value\":%.1f,\"unit\":\"us\",\"min\":%.1f,"
              "\"max\":%.1f,\"n\":%zu,\"peers\":{\"fork_exec\":%.1f},\"goal\":null,\"met\":null}\n",
              row, values[(values.size() - 1) / 2], values.front(), values.back(), values.size(), floor_us);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 6) {
    std::fputs("usage: proxima-bench-start WORKER OBJECT [FRAME_BYTES WIDTH HEIGHT]\n", stderr);
    return 2;
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  agent::WorkerSpec spec;
  spec.instance = InstanceId{1};
  spec.epoch = Epoch{1};
  spec.task_name = "bench-start";
  spec.object_path = argv[2];
  spec.input.format = protocol::FrameFormat::grey8;
  spec.input.width = argc == 6 ? static_cast<std::uint16_t>(std::atoi(argv[4])) : 320;
  spec.input.height = argc == 6 ? static_cast<std::uint16_t>(std::atoi(argv[5])) : 240;
  const std::vector<std::uint8_t> frame(argc == 6 ? static_cast<std::size_t>(std::atoi(argv[3])) : 76'800);
  Times times;
  // Taken in turn, so that whatever else the machine does falls on each alike.
  for (int i = 0; i < rounds; ++i) {
    if (!live_once(argv[1], spec, frame, times) || !floor_once(times)) return 1;
  }
  std::sort(times.floor_us.begin(), times.floor_us.end());
  const double floor_us = times.floor_us[(times.floor_us.size() - 1) / 2];
  print("warm", times.warm_us, floor_us);
  print("cache", times.cache_us, floor_us);
  return 0;
}

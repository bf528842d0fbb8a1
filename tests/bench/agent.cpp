// `agent`: what an agent without a stream costs its device, beside mosquitto_sub connected to the same broker.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/bench/bench_region.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/camera.hpp"
#include "tests/support/network.hpp"

namespace proxima::bench {
namespace {

namespace fs = std::filesystem;

constexpr double goal_times_rss = 2;
constexpr double goal_beat_bytes = 64;
constexpr int windows = 10;
constexpr std::int64_t settle_ns = 5'000'000'000;  // births, first echoes and the benchmark that an agent runs at its start

struct Usage {
  double cpu_ns = 0;      ///< of all threads, ever
  double wake_ups = 0;    ///< voluntary context switches of all threads, ever
};

/// "Rss:  123 kB" of a /proc file.
double kib_in(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  for (std::string word; in >> word;) {
    if (double value = 0; word == key && in >> value) return value;
  }
  throw std::runtime_error("cannot read " + key + " in " + path);
}

Usage usage_of(pid_t pid) {
  Usage usage;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    double run_ns = 0;
    std::ifstream(task.path() / "schedstat") >> run_ns;
    usage.cpu_ns += run_ns;
    usage.wake_ups += kib_in((task.path() / "status").string(), "voluntary_ctxt_switches:");
  }
  return usage;
}

/// One process over the whole measurement: a sample a window.
struct Watched {
  explicit Watched(pid_t process) : pid(process), before(usage_of(process)) {}

  void sample(double seconds) {
    const std::string memory = "/proc/" + std::to_string(pid) + "/smaps_rollup";
    rss_kib.push_back(kib_in(memory, "Rss:"));
    private_kib.push_back(kib_in(memory, "Private_Clean:") + kib_in(memory, "Private_Dirty:"));
    const Usage now = usage_of(pid);
    cpu_ms_a_minute.push_back((now.cpu_ns - before.cpu_ns) / 1e6 / seconds * 60);
    wake_ups_a_second.push_back((now.wake_ups - before.wake_ups) / seconds);
    before = now;
  }

  pid_t pid;
  Usage before;
  std::vector<double> rss_kib;
  std::vector<double> private_kib;
  std::vector<double> cpu_ms_a_minute;
  std::vector<double> wake_ups_a_second;
};

/// A stock client at rest, subscribed to a topic on which nothing comes.
tests::Process idle_subscriber(const std::string& port) {
  return tests::Process({"mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", "bench/command"});
}

/// KiB of a program without its symbols.
double stripped_kib(const std::string& program) {
  const tests::TempDir directory;
  const std::string copy = directory.file("stripped");
  const tests::Finished done = tests::run({"strip", "-o", copy, program});
  if (done.status != 0) throw std::runtime_error("strip failed: " + done.output);
  return static_cast<double>(fs::file_size(copy)) / 1024;
}

Row beside(const std::string& name, const std::string& unit, const std::vector<double>& ours, const std::vector<double>& theirs) {
  Row row = row_of("agent", name, unit, ours);
  row.peers["mosquitto_sub"] = median(theirs);
  return row;
}

std::vector<double> numbers(const std::string& text) {
  std::istringstream lines(text);
  std::vector<double> out;
  for (double one = 0; lines >> one;) out.push_back(one);
  return out;
}

}  // namespace

std::vector<Row> bench_agent(const Setting& setting) {
  const double seconds = setting.quick ? 20 : 600;
  const BenchRegion region(setting, {});
  const std::string port = region.broker().substr(region.broker().rfind(':') + 1);
  const tests::Process subscriber = idle_subscriber(port);
  // The beats' sizes, as a client of the broker sees them.
  const tests::Process listener({"mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-t", "proxima/v1/+/node/+/beat", "-F", "%l"});
  sleep_until_ns(now_ns() + settle_ns);

  Watched agent(region.pid_of("agent"));
  Watched peer(subscriber.pid());
  const double window_s = seconds / windows;
  const std::int64_t began = now_ns();
  for (int i = 1; i <= windows; ++i) {
    setting.say("idle: " + std::to_string(static_cast<int>(window_s * (i - 1))) + " of " + std::to_string(static_cast<int>(seconds)) + " s");
    sleep_until_ns(began + static_cast<std::int64_t>(window_s * i * 1e9));
    agent.sample(window_s);
    peer.sample(window_s);
  }
  const std::vector<double> beats = numbers(listener.output());
  if (beats.empty()) throw std::runtime_error("the agent sent no beat");

  Row rss = beside("rss", "KiB", agent.rss_kib, peer.rss_kib);
  rss.goal = "<= 2 x mosquitto_sub";
  rss.met = rss.value <= goal_times_rss * rss.peers["mosquitto_sub"];
  Row beat = row_of("agent", "beat_payload", "bytes", beats);
  beat.goal = "<= 64 bytes";
  beat.met = beat.max <= goal_beat_bytes;
  return {rss,
          beside("private", "KiB", agent.private_kib, peer.private_kib),
          beside("cpu", "ms/min", agent.cpu_ms_a_minute, peer.cpu_ms_a_minute),
          beside("wake_ups", "1/s", agent.wake_ups_a_second, peer.wake_ups_a_second),
          beat,
          beside("binary_stripped", "KiB", {stripped_kib(setting.program("proxima-agent"))}, {stripped_kib("/usr/bin/mosquitto_sub")})};
}

}  // namespace proxima::bench

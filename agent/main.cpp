// proxima-agent: the daemon on a device. Reads the command line, opens the device's parts, runs the loop until told to end.
#include <cstdio>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <malloc.h>
#include <unistd.h>

#include "agent/core/benchmark.hpp"
#include "agent/io/data_directory.hpp"
#include "agent/io/driver.hpp"
#include "agent/io/host_probe.hpp"
#include "common/io/file.hpp"
#include "common/protocol/limits.hpp"

namespace {

using namespace proxima;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

struct Options {
  bool insecure_loopback = false;
  std::string name;
  std::string region;
  std::string data;
  std::string broker;
  std::string api;
  std::string frames = "127.0.0.1:0";
  std::string echo = "127.0.0.1:0";
  std::string advertise_frames;
  std::string advertise_echo;
  unsigned memory_mib = 64;
  unsigned cpu_percent = 100;
  unsigned cores = 0;
  std::vector<std::string> functions;
  unsigned idle_beat_s = 10;
  std::string log_level = "info";
};

void declare(CLI::App& app, Options& o) {
  app.set_version_flag("--version", "proxima-agent " PROXIMA_VERSION);
  app.add_flag("--insecure-loopback", o.insecure_loopback, "run without keys, on 127.0.0.1 only (required until keys exist)");
  app.add_option("--name", o.name, "this node's label: letters a-z, digits, '-'")->required();
  app.add_option("--region", o.region, "the region to join")->required();
  app.add_option("--data", o.data, "directory of this agent alone: identity and cache")->required();
  app.add_option("--broker", o.broker, "the region's MQTT broker, ADDRESS:PORT")->required();
  app.add_option("--api", o.api, "the coordinator's HTTP API, http://ADDRESS:PORT")->required();
  app.add_option("--frames", o.frames, "where clients' frames come in; port 0: any free one")->capture_default_str();
  app.add_option("--echo", o.echo, "where distance is measured (UDP)")->capture_default_str();
  app.add_option("--advertise-frames", o.advertise_frames, "the address that clients are told for --frames");
  app.add_option("--advertise-echo", o.advertise_echo, "the address that clients are told for --echo");
  app.add_option("--memory-mib", o.memory_mib, "memory given to tasks, together")
      ->capture_default_str()->check(CLI::Range(1U, limits::node_memory_mib_max));
  app.add_option("--cpu-percent", o.cpu_percent, "share of one core for each task")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--cores", o.cores, "cores to report; 0: as many as there are")->check(CLI::Range(0, 4096));
  app.add_option("--host", o.functions, "offer a group of host functions (may be repeated)")->check(CLI::IsMember({"vision"}));
  app.add_option("--idle-beat-s", o.idle_beat_s, "seconds between beats while nothing runs")->capture_default_str()->check(CLI::Range(1, 3600));
  app.add_option("--log-level", o.log_level, "debug, info, warning or error")
      ->capture_default_str()->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

constexpr const char* examples =
    "Examples:\n"
    "  proxima-agent --insecure-loopback --name kitchen-router --region home --data /var/lib/proxima \\\n"
    "      --broker 127.0.0.1:1883 --api http://127.0.0.1:8080\n"
    "  proxima-agent … --memory-mib 32 --cpu-percent 20            give less\n"
    "  proxima-agent … --memory-mib 512 --host vision              offer image functions\n\n"
    "The agent of a device: joins a region, runs the tasks placed here inside the owner's limits.\n";

Result<io::Address> loopback(const std::string& option, const std::string& text) {
  auto address = io::Address::parse(text);
  if (!address) return fail("cannot read " + option + " '" + text + "'", address.error().why, "write it as 127.0.0.1:PORT");
  if (!address->is_loopback())
    return fail("cannot use " + option + " '" + text + "'", "without keys only loopback addresses are allowed", "use 127.0.0.1");
  return address;
}

Result<io::Address> api_address(const std::string& api) {
  constexpr std::string_view scheme = "http://";
  std::string text = api.starts_with(scheme) ? api.substr(scheme.size()) : api;
  while (!text.empty() && text.back() == '/') text.pop_back();
  return loopback("--api", text);
}

Result<void> check(const Options& o) {
  if (!o.insecure_loopback)
    return fail("cannot start", "there are no keys yet, so nothing would be encrypted",
                "add --insecure-loopback to run on 127.0.0.1 alone");
  for (const auto& [option, name] : {std::pair{"--name", &o.name}, std::pair{"--region", &o.region}}) {
    if (!is_name(*name))
      return fail(std::string("cannot use ") + option + " '" + *name + "'", "a name has 1 to 32 of a-z, 0-9 and '-', no '-' first");
  }
  for (const auto& [option, address] : {std::pair{"--frames", &o.frames}, std::pair{"--echo", &o.echo}, std::pair{"--broker", &o.broker}}) {
    if (const auto read = loopback(option, *address); !read) return read.failure();
  }
  for (const auto& [option, address] : {std::pair{"--advertise-frames", &o.advertise_frames}, std::pair{"--advertise-echo", &o.advertise_echo}}) {
    if (address->empty()) continue;
    if (const auto read = loopback(option, *address); !read) return read.failure();
  }
  if (const auto api = api_address(o.api); !api) return api.failure();
  return {};
}

Result<std::string> program_beside_this(const std::string& name) {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (own.parent_path() / name).string();
  if (error || ::access(path.c_str(), X_OK) != 0)
    return fail("cannot find the program '" + name + "'", "there is none at " + path, "install it beside proxima-agent");
  return path;
}

std::string device_class_of(const agent::HostFacts& facts, unsigned cpu_percent) {
  if (cpu_percent == 100) return facts.cpu_model;
  const std::string share = ", " + std::to_string(cpu_percent) + " % of a core";
  return facts.cpu_model.substr(0, limits::text_bytes - share.size()) + share;
}

Result<agent::DriverOptions> driver_options(const Options& o, const agent::DataDirectory& directory) {
  agent::DriverOptions d;
  auto worker = program_beside_this("proxima-worker");
  if (!worker) return worker.failure();
  d.worker_program = *worker;
  if (!o.functions.empty()) {
    auto vision = program_beside_this("proxima-host-vision");
    if (!vision) return vision.failure();
    d.vision_program = *vision;
  }
  auto api = api_address(o.api);
  if (!api) return api.failure();
  auto echo = loopback("--echo", o.echo);
  if (!echo) return echo.failure();
  d.node = directory.node();
  d.region = o.region;
  d.broker = o.broker;
  d.coordinator = *api;
  d.frames = o.frames;
  d.echo = *echo;
  d.advertise_frames = o.advertise_frames;
  d.advertise_echo = o.advertise_echo;
  d.cache_directory = directory.cache();
  d.idle_beat = Duration::seconds(o.idle_beat_s);
  const agent::HostFacts facts = agent::probe_host();
  protocol::Birth& birth = d.birth;
  birth.incarnation = io::random_u64();
  birth.name = o.name;
  birth.target = facts.target;
  birth.device_class = device_class_of(facts, o.cpu_percent);
  birth.isolation = agent::measure_isolation(d.worker_program);
  birth.cores = o.cores == 0 ? facts.cores : o.cores;
  birth.memory_mib = o.memory_mib;
  birth.cpu_percent = static_cast<std::uint8_t>(o.cpu_percent);
  birth.functions = o.functions;
  birth.benchmark_us = agent::scaled_benchmark_us(agent::measure_benchmark_us(), birth.cpu_percent);
  birth.pid = static_cast<std::uint32_t>(getpid());
  return d;
}

const char* to_text(protocol::Isolation isolation) {
  switch (isolation) {
    case protocol::Isolation::none: return "none";
    case protocol::Isolation::process: return "process";
    case protocol::Isolation::full: return "full";
  }
  return "none";
}

void print_ready(const Options& o, const agent::DriverOptions& d, const agent::Driver& driver) {
  std::printf("{\"schema\":\"proxima/v1/agent\",\"ready\":true,\"node\":\"%s\",\"name\":\"%s\",\"frames\":\"%s\",\"echo\":\"%s\","
              "\"isolation\":\"%s\",\"pid\":%d}\n",
              to_text(d.node).c_str(), o.name.c_str(), driver.frames_endpoint().c_str(), driver.echo_endpoint().c_str(),
              to_text(d.birth.isolation), static_cast<int>(getpid()));
  std::fflush(stdout);
}

int fail_with(const Error& error, int status) {
  std::fprintf(stderr, "proxima-agent: %s\n", error.text().c_str());
  return status;
}

int serve(const Options& o) {
  auto directory = agent::DataDirectory::open(o.data);
  if (!directory) return fail_with(directory.error(), exit_failed);
  const auto options = driver_options(o, *directory);
  if (!options) return fail_with(options.error(), exit_failed);
  const io::Log log({io::log_level_from(o.log_level).value_or(io::LogLevel::info)});
  io::Loop loop;
  io::ZmqContext context;
  auto driver = agent::Driver::open(loop, context, log, *options);
  if (!driver) return fail_with(driver.error(), exit_failed);
  bool leaving = false;
  io::Signals signals(loop, {SIGTERM, SIGINT}, [&](int) {
    if (leaving) return;
    leaving = true;
    (*driver)->leave([&loop] { loop.stop(); });
  });
  print_ready(o, *options, **driver);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A device has little memory: one heap for all threads, one thread for file digests. Frames come and go in that heap: to
  // give each one's pages back and fault them in anew costs 200 us a frame. The driver trims when nothing flows.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  setenv("UV_THREADPOOL_SIZE", "1", 1);
  std::signal(SIGPIPE, SIG_IGN);
  Options options;
  CLI::App app(examples, "proxima-agent");
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  if (const auto good = check(options); !good) return fail_with(good.error(), exit_usage);
  return serve(options);
}

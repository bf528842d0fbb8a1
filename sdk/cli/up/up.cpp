// `proxima up` and `proxima down`: a whole region on this machine.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/base/ids.hpp"
#include "common/io/file.hpp"
#include "common/io/loop.hpp"
#include "sdk/cli/up/run_directory.hpp"
#include "sdk/cli/up/supervisor.hpp"
#include "sdk/cli/verbs.hpp"

namespace proxima::cli {
namespace {

namespace fs = std::filesystem;

const Duration stop_patience = Duration::seconds(3);

struct UpArguments {
  bool insecure_loopback = false;
  bool detach = false;
  bool json = false;
  std::string directory;
  std::string lab;
  std::string region = "home";
  std::string name = "this-machine";
  std::uint32_t memory_mib = 1024;
  double cpu_percent = 100;
  std::vector<std::string> host = {"vision"};
  std::uint16_t api_port = 0;
  std::uint16_t broker_port = 0;
  std::uint32_t restart_delay_ms = 500;
  std::string log_level = "info";
};

int complain(const Error& error, int status) {
  std::cerr << "proxima: " << error.what << (error.why.empty() ? "" : ": " + error.why) << '\n';
  if (!error.hint.empty()) std::cerr << "  try: " << error.hint << '\n';
  return status;
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = (path == nullptr ? "" : std::string(path)) + ":/usr/sbin:/usr/local/sbin";
  std::size_t begin = 0;
  while (begin <= folders.size()) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string candidate = folders.substr(begin, end - begin) + "/" + name;
    if (end > begin && access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return "";
}

Result<RegionOptions> region_options(const UpArguments& arguments) {
  RegionOptions options;
  options.directory = run_directory(arguments.directory);
  options.region = arguments.region;
  std::error_code ignored;
  options.programs = fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
  options.mosquitto = find_program("mosquitto");
  if (options.mosquitto.empty())
    return fail("cannot start the broker", "mosquitto is not installed", "scripts/install-packages demo, or apt-get install mosquitto");
  if (!is_name(arguments.region)) return fail("bad --region '" + arguments.region + "'", "not a name", "lower-case letters, digits and '-', at most 32");
  if (arguments.lab.empty()) {
    if (!is_name(arguments.name)) return fail("bad --name '" + arguments.name + "'", "not a name", "lower-case letters, digits and '-', at most 32");
    netlab::LabNode node;
    node.name = arguments.name;
    node.memory_mib = arguments.memory_mib;
    node.cpu_percent = arguments.cpu_percent;
    node.host = arguments.host;
    options.nodes.push_back(node);
  } else {
    const Result<netlab::Lab> lab = netlab::read_lab(arguments.lab);
    if (!lab) return lab.failure();
    options.lab_path = fs::absolute(arguments.lab).string();
    options.nodes = lab->nodes;
  }
  options.api_port = arguments.api_port;
  options.broker_port = arguments.broker_port;
  options.restart_delay = Duration::millis(arguments.restart_delay_ms);
  options.log_level = arguments.log_level;
  return options;
}

nlohmann::json to_json(const RunState& state, const std::string& directory) {
  nlohmann::json processes = nlohmann::json::array();
  for (const RunProcess& process : state.processes)
    processes.push_back({{"name", process.name}, {"role", process.role}, {"pid", process.pid}});
  return {{"schema", "proxima/v1/up"}, {"ready", true},     {"region", state.region}, {"api", state.api},
          {"broker", state.broker},    {"pid", state.pid},  {"dir", directory},       {"processes", processes}};
}

void print_ready(const RunState& state, const std::string& directory, bool json) {
  if (json) {
    std::cout << to_json(state, directory).dump() << std::endl;
    return;
  }
  std::cout << "region '" << state.region << "' is up: API " << state.api << ", directory " << directory << '\n';
  for (const RunProcess& process : state.processes)
    std::cout << "  " << process.role << std::string(13 - std::min<std::size_t>(12, process.role.size()), ' ') << process.name
              << "  pid " << process.pid << '\n';
  std::cout << "next: proxima nodes · proxima plan motion · proxima stream motion --source synthetic · proxima down" << std::endl;
}

/// In the background: the parent waits until the region is ready or has failed, passes on what was said and leaves.
int wait_for_background(int from_child) {
  std::array<char, 4096> buffer{};
  int status = 1;
  std::string text;
  for (ssize_t got = 0; (got = read(from_child, buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), static_cast<std::size_t>(got));
  if (const std::size_t end = text.rfind('\0'); end != std::string::npos) {
    status = std::atoi(text.c_str() + end + 1);
    text.resize(end);
  }
  std::cout << text << std::flush;
  return status;
}

class UpRun {
 public:
  UpRun(const UpArguments& arguments, RegionOptions options, int report_fd)
      : arguments_(arguments), report_fd_(report_fd), directory_(options.directory), supervisor_(loop_, std::move(options)) {}

  int run() {
    supervisor_.on_progress = [this](const std::string& line) {
      if (report_fd_ < 0 || !ready_) std::cerr << "  " << line << std::endl;
    };
    supervisor_.on_ready = [this] { on_ready(); };
    supervisor_.on_failed = [this](const Error& error) {
      status_ = complain(error, 1);
      finish();
    };
    io::Signals signals(loop_, {SIGINT, SIGTERM, SIGHUP}, [this](int) { finish(); });
    io::Timer kill_rest(loop_, [this] { loop_.stop(); });
    kill_rest_ = &kill_rest;
    supervisor_.start();
    loop_.run();
    forget_current(directory_);
    unlink((directory_ + "/region.json").c_str());
    if (report_fd_ >= 0 && !ready_) report(status_ == 0 ? 1 : status_);
    return status_;
  }

 private:
  void on_ready() {
    ready_ = true;
    if (const Result<void> linked = make_current(directory_); !linked) std::cerr << linked.error().text() << '\n';
    print_ready(supervisor_.state(), directory_, arguments_.json);
    if (report_fd_ >= 0) report(0);
  }

  /// Tells the waiting parent the exit status and cuts the tie to its terminal.
  void report(int status) {
    const std::string text = std::string(1, '\0') + std::to_string(status);
    if (write(report_fd_, text.data(), text.size()) < 0) status_ = 1;
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(null, fd);
    close(report_fd_);
  }

  void finish() {
    if (finishing_) return loop_.stop();
    finishing_ = true;
    supervisor_.stop();
    kill_rest_->once_in(stop_patience);
    poll_end_.every(Duration::millis(20));
  }

  const UpArguments& arguments_;
  int report_fd_;
  std::string directory_;
  io::Loop loop_;
  Supervisor supervisor_;
  io::Timer* kill_rest_ = nullptr;
  io::Timer poll_end_{loop_, [this] {
    if (supervisor_.state().processes.empty()) loop_.stop();
  }};
  bool ready_ = false;
  bool finishing_ = false;
  int status_ = 0;
};

int up(const UpArguments& arguments) {
  if (!arguments.insecure_loopback)
    return complain({"refusing to start without keys", "this version has no identities yet, so the region would be open",
                     "proxima up --insecure-loopback (everything is bound to 127.0.0.1 only)"}, 2);
  Result<RegionOptions> options = region_options(arguments);
  if (!options) return complain(options.error(), find_program("mosquitto").empty() ? 1 : 2);
  for (const char* folder : {"", "/logs", "/agents"})
    if (const Result<void> made = io::make_private_directory(options->directory + folder); !made)
      return complain({made.error().what, made.error().why, made.error().hint.empty() ? "choose another place with --dir" : made.error().hint}, 1);
  const Result<RunLock> lock = RunLock::take(options->directory);
  if (!lock) return complain(lock.error(), 1);
  if (const int ended = end_leftovers(options->directory); ended > 0)
    std::cerr << "ended " << ended << " process" << (ended == 1 ? "" : "es") << " that a killed `proxima up` had left here\n";

  int report_fd = -1;
  if (arguments.detach) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return complain({"cannot go to the background", "no pipe", ""}, 1);
    if (fork() != 0) {
      close(ends[1]);
      return wait_for_background(ends[0]);
    }
    setsid();
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    report_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    close(ends[1]);
  }
  return UpRun(arguments, std::move(*options), report_fd).run();
}

int down(const std::string& chosen, bool json) {
  const std::string directory = find_run_directory(chosen);
  const Result<RunState> state = read_run_state(directory);
  if (!state || !is_alive(state->pid))
    return complain({"nothing to stop", "no region runs in '" + directory + "'", "name its place with --dir"}, 3);
  if (kill(state->pid, SIGTERM) != 0) return complain({"cannot stop pid " + std::to_string(state->pid), "not permitted", ""}, 1);
  for (int i = 0; i < 500 && is_alive(state->pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const bool gone = !is_alive(state->pid);
  if (json)
    std::cout << nlohmann::json{{"schema", "proxima/v1/down"}, {"stopped", gone}, {"pid", state->pid}, {"dir", directory}}.dump() << '\n';
  else
    std::cout << (gone ? "stopped" : "still stopping") << " the region in " << directory << '\n';
  return gone ? 0 : 124;
}

}  // namespace

void add_up(CLI::App& app, Chosen& chosen) {
  auto arguments = std::make_shared<UpArguments>();
  CLI::App* verb = app.add_subcommand("up", "start a whole region on this machine: broker, coordinator, builder, agent(s)");
  verb->add_flag("--insecure-loopback", arguments->insecure_loopback, "run without keys, on 127.0.0.1 only (required until keys exist)");
  verb->add_option("--lab", arguments->lab, "start the lab's agents, each behind a relay at its distance")->type_name("FILE");
  verb->add_flag("-d,--detach", arguments->detach, "go to the background once everything serves");
  verb->add_option("--dir", arguments->directory, "run directory (default: $PROXIMA_DIR, else one per user)")->type_name("DIR");
  verb->add_option("--region", arguments->region, "the region's name")->capture_default_str();
  verb->add_option("--name", arguments->name, "without --lab: the agent's name")->capture_default_str();
  verb->add_option("--memory-mib", arguments->memory_mib, "without --lab: memory for tasks")->capture_default_str()->check(CLI::Range(1, 1 << 20));
  verb->add_option("--cpu-percent", arguments->cpu_percent, "without --lab: share of one core for each task")->capture_default_str()->check(CLI::Range(1, 100));
  verb->add_option("--host", arguments->host, "without --lab: host functions on offer")->capture_default_str()->check(CLI::IsMember({"vision"}));
  verb->add_option("--api-port", arguments->api_port, "the API's port; 0: any free one")->capture_default_str();
  verb->add_option("--broker-port", arguments->broker_port, "the broker's port; 0: any free one")->capture_default_str();
  verb->add_option("--restart-delay-ms", arguments->restart_delay_ms, "how long a dead process stays dead")->capture_default_str();
  verb->add_option("--log-level", arguments->log_level, "error, warning, info or debug")->capture_default_str()
      ->check(CLI::IsMember({"error", "warning", "info", "debug"}));
  verb->add_flag("--json", arguments->json, "print one JSON object when ready");
  verb->footer("Examples:\n  proxima up --insecure-loopback --detach\n  proxima up --insecure-loopback --lab lab.toml");
  verb->callback([arguments, &chosen] { chosen = [arguments] { return up(*arguments); }; });
}

void add_down(CLI::App& app, Chosen& chosen) {
  auto directory = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("down", "stop the region that `proxima up` started");
  verb->add_option("--dir", *directory, "its run directory")->type_name("DIR");
  verb->add_flag("--json", *json, "print one JSON object");
  verb->footer("Example:\n  proxima down");
  verb->callback([directory, json, &chosen] { chosen = [directory, json] { return down(*directory, *json); }; });
}

}  // namespace proxima::cli

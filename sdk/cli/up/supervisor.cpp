#include "sdk/cli/up/supervisor.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <set>
#include <sstream>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/io/file.hpp"
#include "common/io/http_client.hpp"

namespace proxima::cli {
namespace {

const Duration broker_poll_period = Duration::millis(20);
const Duration nodes_poll_period = Duration::millis(50);
const Duration start_limit = Duration::seconds(30);
const Duration restart_delay_max = Duration::seconds(10);

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Binds to the wished port (0: any) and tells which it got; 0 if it is taken.
std::uint16_t free_port(std::uint16_t wished) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(wished);
  socklen_t length = sizeof address;
  std::uint16_t port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0)
    port = ntohs(address.sin_port);
  close(fd);
  return port;
}

bool accepts(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sockaddr_in address = loopback(port);
  const bool yes = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return yes;
}

std::string local(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

double wall_ms() {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::string text_at(const nlohmann::json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

/// What a program that ended said last, so that nobody has to open its log for it; "" if nothing. Lines that go on with
/// another (a hint below its complaint) begin with a space.
std::string last_words(const std::string& log_path) {
  constexpr std::size_t log_bytes_read = 8U << 20U;
  constexpr std::size_t words_bytes = 400;
  const Result<std::string> log = io::read_text_file(log_path, log_bytes_read);
  if (!log) return "";
  std::string last;
  std::istringstream lines(*log);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line.front() != ' ') last = line.substr(0, words_bytes);
  for (char& c : last)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return last;
}

/// Whole percent, at least 1: the agent's unit.
std::string percent(double value) { return std::to_string(std::max(1L, std::lround(value))); }

}  // namespace

Supervisor::Supervisor(io::Loop& loop, RegionOptions options)
    : loop_(loop),
      options_(std::move(options)),
      broker_poll_(loop, [this] { poll_broker(); }),
      nodes_poll_(loop, [this] { poll_nodes(); }),
      start_limit_(loop, [this] {
        for (const auto& [name, part] : parts_)
          if (!part->serving)
            return give_up({"the region did not start", name + " is not ready after 30 s", "read " + path("logs/" + name + ".log")});
        give_up({"the region did not start", "not every agent has joined after 30 s", "read the logs in " + path("logs")});
      }) {}

Supervisor::~Supervisor() = default;

void Supervisor::start() {
  started_ms_ = wall_ms();
  start_limit_.once_in(start_limit);
  start_broker();
}

void Supervisor::give_up(const Error& error) {
  if (stage_ == Stage::stopping) return;
  if (on_failed) on_failed(error);
}

void Supervisor::next_stage() {
  switch (stage_) {
    case Stage::broker:
      stage_ = options_.lab_path.empty() ? Stage::coordinator : Stage::netlab;
      return options_.lab_path.empty() ? start_coordinator() : start_netlab();
    case Stage::netlab:
      stage_ = Stage::coordinator;
      return start_coordinator();
    case Stage::coordinator:
      stage_ = Stage::builder;
      return start_builder();
    case Stage::builder:
      stage_ = Stage::agents;
      return start_agents();
    case Stage::agents:
      stage_ = Stage::joining;
      return nodes_poll_.every(nodes_poll_period);
    case Stage::joining:
      nodes_poll_.cancel();
      stage_ = Stage::ready;
      start_limit_.cancel();
      write_state();
      if (on_ready) on_ready();
      return;
    case Stage::ready:
    case Stage::stopping:
      return;
  }
}

Supervisor::Part& Supervisor::add_part(std::string name, std::string role, std::function<std::vector<std::string>()> argv) {
  auto made = std::make_unique<Part>();
  made->name = name;
  made->role = std::move(role);
  made->argv = std::move(argv);
  made->delay = options_.restart_delay;
  Part* part = made.get();
  made->restart = std::make_unique<io::Timer>(loop_, [this, part] { launch(*part); });
  parts_[std::move(name)] = std::move(made);
  return *part;
}

void Supervisor::launch(Part& part) {
  if (stage_ == Stage::stopping) return;
  part.serving = false;
  ChildSpec spec;
  spec.argv = part.argv();
  spec.log_path = path("logs/" + part.name + ".log");
  spec.on_line = [this, &part](const std::string& line) { on_part_line(part, line); };
  spec.on_exit = [this, &part](const std::string& how) { on_part_exit(part, how); };
  Result<std::unique_ptr<Child>> child = Child::start(loop_, std::move(spec));
  if (!child) return give_up(child.error());
  part.child = std::move(*child);
  if (part.role == "broker") broker_poll_.every(broker_poll_period);
  write_state();
}

/// The part does its work now: the first time, that brings the next stage nearer.
void Supervisor::serves(Part& part) {
  part.serving = true;
  part.delay = options_.restart_delay;
  if (on_progress) on_progress(part.role + " " + part.name + " serves (pid " + std::to_string(part.child->pid()) + ")");
  write_state();
  if (stage_ > Stage::agents) return;
  const bool all = std::all_of(parts_.begin(), parts_.end(), [](const auto& entry) { return entry.second->serving; });
  if (all) next_stage();
}

void Supervisor::on_part_line(Part& part, const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("ready")) return;
  if (part.role == "coordinator") api_ = text_at(json, "api");
  if (part.role == "netlab")
    for (const auto& node : json.value("nodes", nlohmann::json::array()))
      relays_[text_at(node, "name")] = {text_at(node, "frames"), text_at(node, "echo"), text_at(node, "api"), text_at(node, "broker")};
  const bool far = part.role == "agent" && relays_.find(part.name) != relays_.end();
  if (far) return tell_netlab({"backend", part.name, "--frames", text_at(json, "frames"), "--echo", text_at(json, "echo")}, &part);
  serves(part);
}

/// Runs one netlab command; `then` (an agent whose relay leads to it now) serves when it is through.
void Supervisor::tell_netlab(std::vector<std::string> command, Part* then) {
  ChildSpec spec;
  spec.argv = {options_.programs + "/proxima-netlab"};
  spec.argv.insert(spec.argv.end(), command.begin(), command.end());
  spec.argv.insert(spec.argv.end(), {"--socket", path("netlab.sock")});
  spec.log_path = path("logs/netlab-commands.log");
  spec.on_exit = [this, then](const std::string& how) {
    if (how != "exit status 0") return give_up({"cannot tell the lab's relay where things are", how, "read " + path("logs/netlab-commands.log")});
    if (then != nullptr && then->child != nullptr) serves(*then);
  };
  std::erase_if(errands_, [](const std::unique_ptr<Child>& errand) { return errand->pid() < 0; });
  Result<std::unique_ptr<Child>> errand = Child::start(loop_, std::move(spec));
  if (!errand) return give_up(errand.error());
  errands_.push_back(std::move(*errand));
}

void Supervisor::on_part_exit(Part& part, const std::string& how) {
  part.child.reset();
  if (stage_ == Stage::stopping) return;
  if (on_progress) on_progress(part.role + " " + part.name + " ended: " + how);
  const bool never_served = !part.serving;
  if (stage_ < Stage::joining && never_served)
    return refuse_start(part, how);
  if (part.role == "netlab")
    return give_up({"the lab's relay ended", how, "its distances are gone with it; start the region again"});
  if (never_served) part.delay = std::min(part.delay * 2, restart_delay_max);
  part.serving = false;
  part.restart->once_in(part.delay);
  write_state();
}

void Supervisor::refuse_start(const Part& part, const std::string& how) {
  const std::string log = path("logs/" + part.name + ".log");
  const std::string words = last_words(log);
  const std::string name = part.role == part.name ? "" : " '" + part.name + "'";
  give_up({"cannot start the " + part.role + name, words.empty() ? how : words + " (" + how + ")", "read " + log});
}

Result<void> Supervisor::write_broker_configuration() const {
  // Anonymous and loopback only until the region has keys. The limits: messaging notes in docs/architecture.md.
  const std::string text =
      "listener " + std::to_string(broker_port_) +
      " 127.0.0.1\n"
      "allow_anonymous true\n"
      "set_tcp_nodelay true\n"
      "max_inflight_messages 0\n"
      "max_queued_messages 1000\n"
      "message_size_limit 65536\n"
      "persistence false\n"
      "log_dest stderr\n"
      "log_type error\nlog_type warning\nlog_type notice\n";
  return io::replace_file(path("mosquitto.conf"), text);
}

void Supervisor::start_broker() {
  broker_port_ = free_port(options_.broker_port);
  if (broker_port_ == 0)
    return give_up({"cannot open the broker's port " + std::to_string(options_.broker_port), "another program uses it",
                    "choose another with --broker-port, or 0 for any"});
  if (const Result<void> written = write_broker_configuration(); !written) return give_up(written.error());
  Part& broker = add_part("broker", "broker", [this] {
    return std::vector<std::string>{options_.mosquitto, "-c", path("mosquitto.conf")};
  });
  launch(broker);
}

/// mosquitto says nothing on stdout: it serves once it accepts.
void Supervisor::poll_broker() {
  Part& broker = *parts_.at("broker");
  if (broker.child == nullptr || broker.serving || !accepts(broker_port_)) return;
  broker_poll_.cancel();
  serves(broker);
}

void Supervisor::start_netlab() {
  launch(add_part("netlab", "netlab", [this] {
    return std::vector<std::string>{options_.programs + "/proxima-netlab", "serve",    "--lab",
                                    options_.lab_path,                     "--socket", path("netlab.sock"),
                                    "--broker",                            local(broker_port_)};
  }));
}

void Supervisor::start_coordinator() {
  if (options_.api_port != 0 && free_port(options_.api_port) == 0)
    return give_up({"cannot open the API's port " + std::to_string(options_.api_port), "another program uses it",
                    "choose another with --api-port, or 0 for any"});
  launch(add_part("coordinator", "coordinator", [this] {
    // After a restart the API is where it was, so that clients and agents find it again.
    const std::string listen = api_.empty() ? local(options_.api_port) : api_.substr(std::strlen("http://"));
    return std::vector<std::string>{options_.programs + "/proxima-coordinator", "--insecure-loopback", "--region",
                                    options_.region,     "--data",   path("coordinator"), "--broker", local(broker_port_),
                                    "--listen",          listen,     "--log-level",       options_.log_level};
  }));
}

void Supervisor::start_builder() {
  launch(add_part("builder", "builder", [this] {
    return std::vector<std::string>{options_.programs + "/proxima-builder", "serve", "--api", api_, "--cache", path("builder")};
  }));
}

std::vector<std::string> Supervisor::agent_argv(const netlab::LabNode& node) const {
  const auto relay = relays_.find(node.name);
  const bool far = relay != relays_.end();
  std::vector<std::string> argv = {options_.programs + "/proxima-agent",
                                   "--insecure-loopback",
                                   "--name",
                                   node.name,
                                   "--region",
                                   options_.region,
                                   "--data",
                                   path("agents/" + node.name),
                                   "--broker",
                                   far ? relay->second.broker : local(broker_port_),
                                   "--api",
                                   far ? "http://" + relay->second.api : api_,
                                   "--memory-mib",
                                   std::to_string(node.memory_mib),
                                   "--cpu-percent",
                                   percent(node.cpu_percent),
                                   "--log-level",
                                   options_.log_level};
  for (const std::string& function : node.host) argv.insert(argv.end(), {"--host", function});
  if (far) argv.insert(argv.end(), {"--advertise-frames", relay->second.frames, "--advertise-echo", relay->second.echo});
  return argv;
}

void Supervisor::start_agents() {
  if (!relays_.empty()) tell_netlab({"target", "--api", api_.substr(std::strlen("http://")), "--broker", local(broker_port_)}, nullptr);
  for (const netlab::LabNode& node : options_.nodes)
    launch(add_part(node.name, "agent", [this, node] { return agent_argv(node); }));
}

/// An agent serves before the coordinator has heard its birth: the region is ready when it knows them all.
void Supervisor::poll_nodes() {
  io::HttpClientOptions quick;
  quick.connect_time = Duration::millis(500);
  quick.read_time = Duration::millis(500);
  const Result<io::HttpAnswer> answer = io::HttpClient(api_, quick).get("/v1/nodes");
  const auto json = answer ? nlohmann::json::parse(answer->body, nullptr, false) : nlohmann::json();
  if (!json.is_object()) return;
  std::set<std::string> present;
  for (const auto& node : json.value("nodes", nlohmann::json::array()))
    if (text_at(node, "state") == "present") present.insert(text_at(node, "name"));
  const bool all = std::all_of(options_.nodes.begin(), options_.nodes.end(), [&](const auto& node) { return present.contains(node.name); });
  if (all) next_stage();
}

RunState Supervisor::state() const {
  RunState state;
  state.region = options_.region;
  state.api = api_;
  state.broker = local(broker_port_);
  state.pid = getpid();
  state.started_ms = started_ms_;
  for (const auto& [name, part] : parts_)
    if (part->child != nullptr)
      state.processes.push_back({name == "broker" ? "mosquitto" : name, part->role, part->child->pid(), part->child->argv()});
  return state;
}

void Supervisor::write_state() const {
  if (api_.empty()) return;
  if (const Result<void> written = write_run_state(options_.directory, state()); !written && on_progress)
    on_progress(written.error().text());
}

void Supervisor::stop() {
  stage_ = Stage::stopping;
  broker_poll_.cancel();
  nodes_poll_.cancel();
  start_limit_.cancel();
  for (const auto& [name, part] : parts_) {
    part->restart->cancel();
    if (part->child == nullptr) continue;
    part->child->signal(SIGCONT);  // a stopped process would not see the next one
    part->child->signal(SIGTERM);
  }
}

}  // namespace proxima::cli

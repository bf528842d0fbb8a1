#include "sdk/cli/demo/run.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "common/io/http_client.hpp"
#include "common/io/loop.hpp"
#include "sdk/cli/up/child.hpp"
#include "sdk/cli/up/run_directory.hpp"

namespace proxima::demo {
namespace {

using cli::Child;
using cli::ChildSpec;
using nlohmann::json;

constexpr double restart_hold_s = 3;
constexpr double silence_s = 5;
constexpr int cloud_motion_frames = 150;
constexpr int cloud_detect_frames = 40;
const Duration region_limit = Duration::seconds(60);
const Duration stream_slack = Duration::seconds(60);  // measuring, building and trying before the first frame, and closing
const Duration cloud_limit = Duration::seconds(60);
const Duration in_flight_wait = Duration::millis(30); // after a frame was sent: it is in the worker by then
const Duration rejoin_limit = Duration::seconds(10);

std::string shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

class Demo {
 public:
  explicit Demo(const RunOptions& options) : options_(options), plan_(plan_faults(options.seconds)) {}

  Result<RunOutcome> run() {
    const Result<void> played = play();
    stop_region();  // also after a failure: a broker that changed its user would outlive a killed supervisor
    if (!played) return played.failure();
    return outcome_;
  }

 private:
  Result<void> play() {
    PROXIMA_TRY(start_region());
    PROXIMA_TRY(stream());
    if (options_.faults) wait_for_return();
    return compare_with_cloud();
  }

  /// Turns the loop until `done` or the limit; false at the limit.
  bool turn_until(const std::function<bool()>& done, Duration limit) {
    bool over = false;
    io::Timer timer(loop_, [&] { over = true; });
    timer.once_in(limit);
    while (!done() && !over) loop_.run_once();
    return done();
  }

  ChildSpec spec(std::vector<std::string> argv, const std::string& log) const {
    argv[0] = options_.programs + "/" + argv[0];
    ChildSpec out;
    out.argv = std::move(argv);
    out.log_path = options_.directory + "/logs/" + log + ".log";
    return out;
  }

  Result<void> start_region() {
    ChildSpec up = spec({"proxima", "up", "--insecure-loopback", "--json", "--lab", options_.lab_path, "--dir", options_.directory,
                         "--restart-delay-ms", shortest(restart_hold_s * 1000)},
                        "up");
    std::optional<json> ready;
    std::string ended;
    up.on_line = [&](const std::string& line) { ready = json::parse(line, nullptr, false); };
    up.on_exit = [this](const std::string& how) { region_ended_ = how; };
    options_.say("starting the region: broker, coordinator, builder, " + std::to_string(options_.lab.nodes.size()) + " agents behind their relays");
    Result<std::unique_ptr<Child>> child = Child::start(loop_, std::move(up));
    if (!child) return child.failure();
    region_ = std::move(*child);
    turn_until([&] { return ready || !region_ended_.empty(); }, region_limit);
    if (!ready || !ready->is_object())
      return fail("the region did not start", region_ended_.empty() ? "it was not ready after 60 s" : "`proxima up` ended: " + region_ended_,
                  "read " + options_.directory + "/logs/up.log");
    api_ = ready->at("api").get<std::string>();
    return {};
  }

  Result<void> stream() {
    ChildSpec client = spec({"proxima", "stream", "motion", "detect", "--api", api_, "--source", options_.source, "--fps",
                             shortest(options_.fps), "--seconds", shortest(options_.seconds), "--results", options_.results_path,
                             "--events", "/dev/stdout", "--json"},
                            "client");
    client.on_line = [this](const std::string& line) { on_client_line(line); };
    client.on_exit = [this](const std::string& how) { client_ended_ = how; };
    options_.say("measuring the distances, trying the first frame, placing");
    Result<std::unique_ptr<Child>> child = Child::start(loop_, std::move(client));
    if (!child) return child.failure();
    client_ = std::move(*child);
    const Duration limit = Duration::from_ms(options_.seconds * 1000) + stream_slack;
    const bool ended = turn_until([this] { return !client_ended_.empty() || !region_ended_.empty(); }, limit);
    if (stopped_.size() > 0) continue_stopped();
    if (!region_ended_.empty()) return fail("the region ended while streaming", region_ended_, "read " + options_.directory + "/logs/up.log");
    if (!ended) return fail("the client did not end in time", "", "read " + options_.directory + "/logs/client.log");
    std::sscanf(client_ended_.c_str(), "exit status %d", &outcome_.stream_status);
    if (outcome_.stream.is_null())
      return fail("the client failed", client_ended_, "read " + options_.directory + "/logs/client.log");
    return {};
  }

  void on_client_line(const std::string& line) {
    const json one = json::parse(line, nullptr, false);
    if (!one.is_object()) return;
    if (one.contains("schema")) {
      outcome_.stream = one;
      return;
    }
    const std::string event = one.value("event", "");
    const std::string task = one.value("task", "");
    if (event == "submitted") return on_submitted(task, one.value("t_ms", 0.0));
    if (event == "decision") {
      serving_[task] = one.contains("placed_on") && one["placed_on"].is_string() ? one["placed_on"].get<std::string>() : "";
      options_.say(task + (serving_[task].empty() ? " cannot be placed" : " is placed on " + serving_[task]));
    }
    if (event == "takeover" || event == "move") {
      serving_[task] = one.value("to", serving_[task]);
      options_.say(task + " goes on at " + serving_[task] + " (" + one.value("reason", "") + ")");
    }
  }

  void on_submitted(const std::string& task, double t_ms) {
    if (outcome_.origin_ms == 0) {
      outcome_.origin_ms = t_ms;
      options_.say("streaming for " + shortest(options_.seconds) + " s");
      if (options_.faults) {
        kill_timer_.once_in(Duration::from_ms(plan_.kill_s * 1000));
        silence_timer_.once_in(Duration::from_ms(plan_.silence_s * 1000));
      }
    }
    // The silent death comes while a frame is in the worker, so that a result of the old epoch is left in it.
    const bool slow = task == "detect" || serving_["detect"].empty();
    if (silence_due_ && slow) {
      silence_due_ = false;
      stop_timer_.once_in(in_flight_wait);
    }
  }

  struct Victim {
    pid_t agent = 0;
    std::vector<pid_t> all;  ///< agent, workers, host-function processes
  };

  Victim processes_of(const std::string& node) {
    Victim victim;
    io::HttpClient http(api_);
    const Result<io::HttpAnswer> answer = http.get("/v1/nodes");
    const json nodes = answer ? json::parse(answer->body, nullptr, false) : json();
    if (!nodes.is_object()) return victim;
    for (const json& one : nodes.value("nodes", json::array())) {
      if (one.value("name", "") != node) continue;
      victim.agent = one.value("pid", 0);
      victim.all.push_back(victim.agent);
      for (const json& instance : one.value("instances", json::array()))
        for (const char* key : {"worker_pid", "host_pid"})
          if (const int pid = instance.value(key, 0); pid > 0) victim.all.push_back(pid);
    }
    return victim;
  }

  /// Never 0 or a group: only processes that the region named.
  static void signal_all(const std::vector<pid_t>& pids, int number) {
    for (const pid_t pid : pids)
      if (pid > 1) kill(pid, number);
  }

  Fault begin_fault(const std::string& what, const std::string& node) {
    Fault fault;
    fault.what = what;
    fault.target = node;
    for (const auto& [task, where] : serving_)
      if (where == node) fault.touched.push_back(task);
    return fault;
  }

  void kill_node() {
    const std::string node = serving_["motion"].empty() ? serving_["detect"] : serving_["motion"];
    const Victim victim = processes_of(node);
    if (victim.agent == 0) return;
    Fault fault = begin_fault("node", node);
    fault.t_ms = static_cast<double>(io::Loop::now().ns) / 1e6;
    signal_all(victim.all, SIGKILL);
    options_.say("killed " + node + " (SIGKILL of " + std::to_string(victim.all.size()) + " processes)");
    outcome_.faults.push_back(std::move(fault));
  }

  void silence_node() {
    const std::string node = serving_["detect"].empty() ? serving_["motion"] : serving_["detect"];
    const Victim victim = processes_of(node);
    if (victim.agent == 0) return;
    Fault fault = begin_fault("node_silent", node);
    fault.t_ms = static_cast<double>(io::Loop::now().ns) / 1e6;
    signal_all(victim.all, SIGSTOP);
    stopped_ = victim.all;
    options_.say("silenced " + node + " (SIGSTOP of " + std::to_string(victim.all.size()) + " processes)");
    outcome_.faults.push_back(std::move(fault));
    continue_timer_.once_in(Duration::from_ms(silence_s * 1000));
  }

  void continue_stopped() {
    signal_all(stopped_, SIGCONT);
    stopped_.clear();
    options_.say("the silent node continues (SIGCONT)");
  }

  /// Every node that was hit is present again, or stays in not_back.
  void wait_for_return() {
    std::set<std::string> missing;
    for (const Fault& fault : outcome_.faults) missing.insert(fault.target);
    const auto look = [&] {
      io::HttpClient http(api_);
      const Result<io::HttpAnswer> answer = http.get("/v1/nodes");
      const json nodes = answer ? json::parse(answer->body, nullptr, false) : json();
      if (!nodes.is_object()) return false;
      for (const json& one : nodes.value("nodes", json::array()))
        if (one.value("state", "") == "present") missing.erase(one.value("name", ""));
      return missing.empty();
    };
    io::Timer wake(loop_, [] {});
    wake.every(Duration::millis(250));
    turn_until(look, rejoin_limit);
    outcome_.not_back.assign(missing.begin(), missing.end());
  }

  Result<void> compare_with_cloud() {
    const auto cloud = std::find_if(options_.lab.nodes.begin(), options_.lab.nodes.end(), [](const auto& node) { return node.cloud; });
    if (cloud == options_.lab.nodes.end()) return {};
    options_.say("the same on " + cloud->name + ", for comparison");
    std::map<std::string, json> answers;
    std::vector<std::unique_ptr<Child>> clients;
    std::size_t ended = 0;
    for (const auto& [task, frames] : {std::pair{std::string("motion"), cloud_motion_frames}, std::pair{std::string("detect"), cloud_detect_frames}}) {
      ChildSpec client = spec({"proxima", "stream", task, "--api", api_, "--source", options_.source, "--fps", shortest(options_.fps),
                               "--frames", std::to_string(frames), "--pin", cloud->name, "--no-contract", "--json"},
                              "client-cloud-" + task);
      client.on_line = [&answers, name = task](const std::string& line) { answers[name] = json::parse(line, nullptr, false); };
      client.on_exit = [&ended](const std::string&) { ++ended; };
      Result<std::unique_ptr<Child>> child = Child::start(loop_, std::move(client));
      if (!child) return child.failure();
      clients.push_back(std::move(*child));
    }
    turn_until([&] { return ended == clients.size(); }, cloud_limit);
    for (const auto& [task, answer] : answers)
      if (answer.is_object() && !answer.value("tasks", json::array()).empty()) outcome_.cloud[task] = answer["tasks"][0].value("e2e_ms", json());
    return {};
  }

  void stop_region() {
    if (region_ == nullptr || !region_ended_.empty()) return;
    options_.say("stopping the region");
    region_->signal(SIGTERM);
    turn_until([this] { return !region_ended_.empty(); }, Duration::seconds(8));
  }

  const RunOptions& options_;
  FaultPlan plan_;
  io::Loop loop_;
  io::Timer kill_timer_{loop_, [this] { kill_node(); }};
  io::Timer silence_timer_{loop_, [this] { silence_due_ = true; }};
  io::Timer stop_timer_{loop_, [this] { silence_node(); }};
  io::Timer continue_timer_{loop_, [this] { continue_stopped(); }};
  std::unique_ptr<Child> region_;
  std::unique_ptr<Child> client_;
  std::string region_ended_;
  std::string client_ended_;
  std::string api_;
  std::map<std::string, std::string> serving_;
  std::vector<pid_t> stopped_;
  bool silence_due_ = false;
  RunOutcome outcome_;
};

}  // namespace

FaultPlan plan_faults(double seconds) {
  FaultPlan plan;
  plan.kill_s = std::max(4.5, seconds * 0.2);
  plan.silence_s = std::max(plan.kill_s + restart_hold_s + 5, seconds * 0.5);
  plan.silence_ends_s = plan.silence_s + silence_s;
  return plan;
}

Result<RunOutcome> run_demo(const RunOptions& options) { return Demo(options).run(); }

}  // namespace proxima::demo

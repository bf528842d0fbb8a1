#include "tests/bench/bench_region.hpp"

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>

#include "common/io/http_client.hpp"
#include "tests/support/network.hpp"

namespace proxima::bench {
namespace {

using nlohmann::json;

constexpr auto ready_limit = std::chrono::seconds(60);
constexpr auto leave_limit = std::chrono::seconds(15);

std::vector<std::string> up_words(const Setting& setting, const std::string& directory, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{setting.program("proxima"), "up", "--insecure-loopback", "--json", "--dir", directory};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

json ready_object(const std::string& output) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    json one = json::parse(line, nullptr, false);
    if (one.is_object() && one.value("ready", false)) return one;
  }
  return {};
}

}  // namespace

BenchRegion::BenchRegion(const Setting& setting, const std::vector<std::string>& arguments)
    : up_(up_words(setting, directory_.file("run"), arguments)) {
  setting.say("starting a region");
  const bool ready = up_.wait_for_output("\"ready\":true", ready_limit);
  const json said = ready_object(up_.output());
  if (!ready || !said.is_object()) throw std::runtime_error("the region is not ready: " + up_.output());
  api_ = said.at("api").get<std::string>();
  broker_ = said.at("broker").get<std::string>();
  processes_ = said.at("processes");
  wait_for_nodes();
}

/// `up` is ready when its agents serve; the coordinator may hear of them a moment later.
void BenchRegion::wait_for_nodes() const {
  const auto present = [this](const json& process) {
    if (process.value("role", "") != "agent") return true;
    const json one = node(process.value("name", ""));
    return one.is_object() && one.value("state", "") == "present";
  };
  const auto all = [&] { return std::all_of(processes_.begin(), processes_.end(), present); };
  if (!tests::eventually(all, ready_limit)) throw std::runtime_error("the coordinator does not hear of all agents");
}

BenchRegion::~BenchRegion() {
  up_.signal(SIGTERM);
  up_.wait(leave_limit);
}

pid_t BenchRegion::pid_of(const std::string& role) const {
  for (const json& one : processes_)
    if (one.value("role", "") == role) return one.value("pid", 0);
  return 0;
}

json BenchRegion::node(const std::string& name) const {
  io::HttpClient http(api_);
  const Result<io::HttpAnswer> answer = http.get("/v1/nodes");
  const json all = answer ? json::parse(answer->body, nullptr, false) : json();
  if (!all.is_object()) return {};
  for (const json& one : all.value("nodes", json::array()))
    if (one.value("name", "") == name) return one;
  return {};
}

NodeProcesses BenchRegion::processes_of(const std::string& name) const {
  const json one = node(name);
  NodeProcesses out;
  out.agent = one.is_object() ? one.value("pid", 0) : 0;
  if (out.agent <= 1) throw std::runtime_error("the coordinator does not know a process of node '" + name + "'");
  out.all.push_back(out.agent);
  for (const json& instance : one.value("instances", json::array()))
    for (const char* key : {"worker_pid", "host_pid"})
      if (const pid_t pid = instance.value(key, 0); pid > 1) out.all.push_back(pid);
  return out;
}

void signal_all(const std::vector<pid_t>& pids, int number) {
  for (const pid_t pid : pids)
    if (pid > 1) kill(pid, number);
}

}  // namespace proxima::bench

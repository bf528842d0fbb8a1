#include "tests/e2e/region.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace proxima::tests {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> proxima_words(const std::string& directory, std::vector<std::string> words) {
  words.insert(words.begin(), program("proxima"));
  words.insert(words.end(), {"--dir", directory, "--json"});
  return words;
}

}  // namespace

std::string program(const std::string& name) { return std::string(PROXIMA_PROGRAMS) + "/" + name; }

std::string clip() { return fs::exists(PROXIMA_CLIP) ? PROXIMA_CLIP : "synthetic"; }

nlohmann::json last_object(const std::string& output) {
  std::istringstream lines(output);
  nlohmann::json found;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() != '{') continue;
    nlohmann::json one = nlohmann::json::parse(line, nullptr, false);
    if (one.is_object()) found = std::move(one);
  }
  return found;
}

std::string lab_text(const std::vector<LabRow>& rows) {
  std::ostringstream out;
  for (const LabRow& row : rows)
    out << "[[node]]\nname = \"" << row.name << "\"\nrtt_ms = " << row.rtt_ms << "\nrate_mbit = " << row.rate_mbit << "\nmemory_mib = " << row.memory_mib
        << "\ncpu_percent = " << row.cpu_percent << "\nloss_percent = " << row.loss_percent << "\nhost = [" << (row.vision ? "\"vision\"" : "") << "]\n\n";
  return out.str();
}

std::vector<LabRow> five_devices() {
  return {{"kitchen-router", 1.5, 300, 64, false}, {"neighbour-router", 3, 100, 64, false}, {"phone", 4, 20, 256, true},
          {"idle-rig", 8, 940, 4096, true},        {"rack-cloud", 45, 1000, 16384, true}};
}

Region::Region(const std::vector<LabRow>& lab, const std::string& up) {
  std::ofstream(temporary_.file("lab.toml")) << lab_text(lab);
  up_ = std::make_unique<Process>(std::vector<std::string>{up, "up", "--insecure-loopback", "--json", "--lab", temporary_.file("lab.toml"),
                                                          "--dir", directory(), "--restart-delay-ms", "2000"});
  if (!up_->wait_for_output("\"ready\":true", std::chrono::seconds(60))) throw std::runtime_error("the region is not ready: " + up_->output());
}

Region::~Region() {
  up_->signal(SIGTERM);
  up_->wait(std::chrono::seconds(10));
}

nlohmann::json Region::ask(std::vector<std::string> words) {
  return last_object(run(proxima_words(directory(), std::move(words)), std::chrono::seconds(90)).output);
}

std::unique_ptr<Process> Region::begin(std::vector<std::string> words) {
  return std::make_unique<Process>(proxima_words(directory(), std::move(words)));
}

Finished Region::netlab(std::vector<std::string> words) {
  words.insert(words.begin(), program("proxima-netlab"));
  words.insert(words.end(), {"--socket", directory() + "/netlab.sock"});
  return run(words);
}

nlohmann::json Region::state() const {
  std::ifstream in(directory() + "/region.json");
  return nlohmann::json::parse(in, nullptr, false);
}

}  // namespace proxima::tests

#include "sdk/cli/up/run_directory.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/io/file.hpp"

namespace proxima::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t state_bytes_max = 1U << 20U;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string current_link() { return user_directory() + "/current"; }

/// /tmp is everybody's: a directory there that another user made is not ours to trust.
bool is_ours(const std::string& directory) {
  struct stat info {};
  return lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid();
}

std::string absolute(const std::string& path) { return fs::absolute(path).lexically_normal().string(); }

}  // namespace

std::string user_directory() {
  const std::string base = environment("XDG_RUNTIME_DIR");
  return (base.empty() ? "/tmp" : base) + "/proxima-" + std::to_string(geteuid());
}

std::string run_directory(const std::string& chosen) {
  if (!chosen.empty()) return absolute(chosen);
  if (const std::string named = environment("PROXIMA_DIR"); !named.empty()) return absolute(named);
  return user_directory() + "/region";
}

std::string find_run_directory(const std::string& chosen) {
  if (!chosen.empty() || !environment("PROXIMA_DIR").empty()) return run_directory(chosen);
  std::error_code ignored;
  const fs::path target = fs::read_symlink(current_link(), ignored);
  if (!target.empty() && is_ours(user_directory())) return target.string();
  return run_directory(chosen);
}

Result<void> write_run_state(const std::string& directory, const RunState& state) {
  nlohmann::json processes = nlohmann::json::array();
  for (const RunProcess& process : state.processes)
    processes.push_back({{"name", process.name}, {"role", process.role}, {"pid", process.pid}, {"argv", process.argv}});
  const nlohmann::json out = {{"schema", "proxima/v1/run-state"}, {"region", state.region},       {"api", state.api},
                              {"broker", state.broker},     {"pid", state.pid},             {"processes", processes},
                              {"started_ms", state.started_ms}};
  return io::replace_file(directory + "/region.json", out.dump(2) + "\n");
}

Result<RunState> read_run_state(const std::string& directory) {
  const std::string path = directory + "/region.json";
  const Result<std::string> text = io::read_text_file(path, state_bytes_max);
  if (!text) return fail("no region runs here", "no '" + path + "'", "start one: proxima up --insecure-loopback");
  try {
    const auto json = nlohmann::json::parse(*text);
    RunState state;
    state.region = json.at("region").get<std::string>();
    state.api = json.at("api").get<std::string>();
    state.broker = json.at("broker").get<std::string>();
    state.pid = json.at("pid").get<pid_t>();
    state.started_ms = json.at("started_ms").get<double>();
    for (const auto& process : json.at("processes"))
      state.processes.push_back({process.at("name").get<std::string>(), process.at("role").get<std::string>(),
                                 process.at("pid").get<pid_t>(), process.at("argv").get<std::vector<std::string>>()});
    return state;
  } catch (const nlohmann::json::exception& error) {
    return fail("cannot read '" + path + "'", error.what(), "remove the directory and start the region again");
  }
}

Result<RunLock> RunLock::take(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail("cannot use the directory '" + directory + "'", std::strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    const Result<RunState> other = read_run_state(directory);
    const std::string whose = other ? " (pid " + std::to_string(other->pid) + ")" : "";
    return fail("a region already runs in '" + directory + "'", "another `proxima up` holds it" + whose,
                "stop it with `proxima down`, or choose another place with --dir");
  }
  return RunLock(fd);
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RunLock::~RunLock() {
  if (fd_ >= 0) close(fd_);
}

Result<void> make_current(const std::string& directory) {
  PROXIMA_TRY(io::make_private_directory(user_directory()));
  const std::string fresh = current_link() + "." + std::to_string(getpid());
  unlink(fresh.c_str());
  if (symlink(directory.c_str(), fresh.c_str()) != 0 || rename(fresh.c_str(), current_link().c_str()) != 0)
    return fail("cannot write '" + current_link() + "'", std::strerror(errno));
  return {};
}

void forget_current(const std::string& directory) {
  std::error_code ignored;
  if (fs::read_symlink(current_link(), ignored) == fs::path(directory)) unlink(current_link().c_str());
}

int end_leftovers(const std::string& directory) {
  const Result<RunState> old = read_run_state(directory);
  if (!old) return 0;
  int ended = 0;
  for (const RunProcess& process : old->processes) {
    std::string wanted;  // as /proc tells it: each word ends with a zero
    for (const std::string& word : process.argv) wanted += word + '\0';
    std::ifstream in("/proc/" + std::to_string(process.pid) + "/cmdline", std::ios::binary);
    const std::string found((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (process.pid > 1 && !wanted.empty() && found == wanted && kill(process.pid, SIGKILL) == 0) ++ended;
  }
  return ended;
}

bool is_alive(pid_t pid) { return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM); }

}  // namespace proxima::cli

#include "sdk/netlab/served_lab.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sdk/netlab/io/fd.hpp"
#include "sdk/netlab/io/sockets.hpp"

namespace proxima::netlab {

namespace {

struct Child {
  pid_t pid;
  Fd output;
};

// Starts a program with stdout, and stderr too where asked, on a pipe.
Result<Child> spawn(const std::vector<std::string>& arguments, bool errors_too) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail("cannot make a pipe", last_error());
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  std::vector<std::string> words = arguments;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  if (errors_too) posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return fail("cannot start '" + arguments[0] + "'", last_error());
  }
  return Child{pid, std::move(read_end)};
}

// Reads to the end, or to the first newline where `one_line`.
std::string read_output(const Fd& from, bool one_line) {
  std::string text;
  std::array<char, 4096> block{};
  while (!one_line || text.find('\n') == std::string::npos) {
    const ssize_t got = ::read(from.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

Result<ServedLab> ServedLab::start(const std::string& program, const std::string& lab_text,
                                   const std::vector<std::string>& more_arguments) {
  ServedLab lab;
  std::string pattern = (std::filesystem::temp_directory_path() / "proxima-netlab-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return fail("cannot make a directory", last_error());
  lab.directory_ = pattern;
  std::ofstream(lab.lab_file()) << lab_text;
  lab.arguments_ = {program, "serve", "--lab", lab.lab_file(), "--socket", lab.socket()};
  lab.arguments_.insert(lab.arguments_.end(), more_arguments.begin(), more_arguments.end());
  PROXIMA_TRY(lab.launch());
  return lab;
}

Result<void> ServedLab::launch() {
  Result<Child> child = spawn(arguments_, false);
  if (!child) return child.failure();
  pid_ = child->pid;
  const nlohmann::json ready = nlohmann::json::parse(read_output(child->output, true), nullptr, false);
  if (!ready.is_object() || !ready.contains("nodes")) return fail("the lab did not start", "see its words above");
  nodes_.clear();
  for (const nlohmann::json& node : ready["nodes"]) {
    nodes_.push_back({node["name"], node["frames"], node["echo"], node["api"], node["broker"]});
  }
  return {};
}

Result<void> ServedLab::kill_and_restart() {
  ::kill(pid_, SIGKILL);
  wait_for(pid_);
  pid_ = -1;
  return launch();
}

ServedLab::ServedLab(ServedLab&& other) noexcept
    : arguments_(std::move(other.arguments_)),
      directory_(std::exchange(other.directory_, {})),
      pid_(std::exchange(other.pid_, -1)),
      nodes_(std::move(other.nodes_)) {}

ServedLab::~ServedLab() {
  stop();
  if (!directory_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
}

int ServedLab::stop() {
  if (pid_ < 0) return -1;
  ::kill(pid_, SIGTERM);
  return wait_for(std::exchange(pid_, -1));
}

Finished run_program(const std::vector<std::string>& arguments) {
  Result<Child> child = spawn(arguments, true);
  if (!child) return {-1, child.error().text()};
  Finished done;
  done.output = read_output(child->output, false);
  done.status = wait_for(child->pid);
  return done;
}

}  // namespace proxima::netlab

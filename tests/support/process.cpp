#include "tests/support/process.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace proxima::tests {
namespace {

std::string make_output_file() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/proxima-output-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) throw std::runtime_error("cannot make the file " + path);
  close(fd);
  return path;
}

// Debian puts mosquitto into /usr/sbin, where a user's PATH does not look.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw std::runtime_error("there is no program '" + name + "' in PATH");
}

// Between fork and exec: only what is safe there.
[[noreturn]] void become(const char* program, char* const* argv, char* const* environment, const char* output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(output, O_WRONLY | O_APPEND);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  closefrom(3);
  execve(program, argv, environment);
  _exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, const std::vector<std::string>& environment)
    : output_path_(make_output_file()) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  for (const std::string& variable : environment) variables.push_back(variable);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> pointers;
  for (std::string& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  const std::string program = find_program(argv.at(0));
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) become(program.c_str(), arguments.data(), pointers.data(), output_path_.c_str());
}

Process::~Process() {
  signal(SIGKILL);
  wait(std::chrono::seconds(60));
  unlink(output_path_.c_str());
}

bool Process::running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

void Process::signal(int number) {
  if (!status_) ::kill(pid_, number);  // not yet reaped, so the number is still this process
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (status_) return status_;
  if (limit.count() > 0) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (fd >= 0) {
      pollfd ended{fd, POLLIN, 0};
      poll(&ended, 1, static_cast<int>(limit.count()));
      close(fd);
    }
  }
  int raw = 0;
  if (waitpid(pid_, &raw, WNOHANG) == pid_) status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_;
}

std::string Process::output() const {
  std::ifstream file(output_path_, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Process::wait_for_output(const std::string& text, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    const bool ended = wait(std::chrono::milliseconds(5)).has_value();
    if (output().find(text) != std::string::npos) return true;
    if (ended) return false;
  }
  return false;
}

Finished run(const std::vector<std::string>& argv, std::chrono::milliseconds limit) {
  Process process(argv);
  const auto status = process.wait(limit);
  if (!status) {
    process.signal(SIGKILL);
    process.wait();
  }
  return {status.value_or(124), process.output()};
}

}  // namespace proxima::tests

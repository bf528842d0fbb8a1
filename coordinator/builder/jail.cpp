#include "coordinator/builder/jail.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace proxima::builder {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t words_bytes = 2048;

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

void limit(int what, std::uint64_t value) {
  const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  setrlimit(static_cast<__rlimit_resource_t>(what), &both);
}

/// The child's side: only calls that are safe after fork, then exec. 127: the program cannot be started.
[[noreturn]] void become(char* const* arguments, const char* folder, int words, const JailLimits& limits) {
  static char path[] = "PATH=/usr/bin:/bin";
  static char home[] = "HOME=/nonexistent";
  static char* const environment[] = {path, home, nullptr};
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CPU, limits.cpu_s);
  limit(RLIMIT_DATA, limits.memory_bytes);
  limit(RLIMIT_FSIZE, limits.file_bytes);
  limit(RLIMIT_CORE, 0);
  const int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0 || chdir(folder) != 0) _exit(127);
  dup2(nothing, 0);
  dup2(words, 1);
  dup2(words, 2);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

/// Keeps the first bytes of what the child says and drops the rest.
void take_words(int fd, std::string& words) {
  std::array<char, 4096> part{};
  const ssize_t got = read(fd, part.data(), part.size());
  if (got <= 0) return;
  const std::size_t room = words_bytes - std::min(words.size(), words_bytes);
  words.append(part.data(), std::min(room, static_cast<std::size_t>(got)));
}

struct Ending {
  int status = 0;
  bool timed_out = false;
  std::string words;
};

/// Waits for the child's end or the deadline; kills its group at the deadline. Polls the pipe, which closes at the end.
Ending await(pid_t child, int words_fd, std::uint32_t wall_s) {
  Ending ending;
  const auto deadline = Clock::now() + std::chrono::seconds(wall_s);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      ending.timed_out = true;
      break;
    }
    pollfd waiting{words_fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min<long long>(left, 1000)));
    if (ready > 0 && (waiting.revents & POLLIN) != 0) {
      take_words(words_fd, ending.words);
    } else if (ready > 0) {
      break;  // every writer is gone
    }
  }
  if (ending.timed_out) kill(-child, SIGKILL);
  while (waitpid(child, &ending.status, 0) < 0 && errno == EINTR) {
  }
  kill(-child, SIGKILL);  // whatever it left behind in its group
  return ending;
}

std::string printable(const std::string& words) {
  std::string out;
  for (const char c : words) out += c == '\n' || static_cast<unsigned char>(c) >= 0x20 ? c : ' ';
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

Result<void> judge(const std::string& name, const Ending& ending, const JailLimits& limits) {
  const std::string what = name + " failed";
  if (ending.timed_out)
    return fail(what, "it was stopped after " + std::to_string(limits.wall_s) + " s", "make the module smaller");
  if (WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 0) return {};
  const std::string words = printable(ending.words);
  if (words.find("No space left on device") != std::string::npos || words.find("ENOSPC") != std::string::npos)
    return fail(what, "the disk is full", "make room in the builder's folder for temporary files and try again");
  const bool cpu = WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGXCPU;
  const bool killed = WIFSIGNALED(ending.status) || (WIFEXITED(ending.status) && WEXITSTATUS(ending.status) > 128);
  if (WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 127)
    return fail(what, "the program cannot be started", "run scripts/install-packages and scripts/install-wabt");
  if (cpu || (killed && words.empty()))
    return fail(what, "it went over its limits (" + std::to_string(limits.cpu_s) + " s of processor time, " +
                          std::to_string(limits.memory_bytes >> 20U) + " MiB)",
                "make the module smaller");
  return fail(what, words.empty() ? "it does not say why" : words);
}

}  // namespace

Jail Jail::probe(std::vector<std::string> readable) {
  const std::string bwrap = "/usr/bin/bwrap";
  Jail jail(JailLevel::namespaces, bwrap, std::move(readable));
  std::error_code error;
  const bool tried = std::filesystem::exists(bwrap, error) &&
                     jail.run({"/usr/bin/true"}, std::filesystem::temp_directory_path(error).string(), {}).has_value();
  if (!tried) jail.level_ = JailLevel::limits_only;
  return jail;
}

std::vector<std::string> Jail::wrapped(const std::vector<std::string>& command, const std::string& folder) const {
  if (level_ == JailLevel::limits_only) return command;
  std::vector<std::string> all{bwrap_,     "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
                               "--ro-bind", "/usr",         "/usr",              "--proc",        "/proc",      "--dev",
                               "/dev",      "--tmpfs",      "/tmp"};
  std::error_code error;
  for (const char* path : {"/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/alternatives", "/etc/ld.so.cache"}) {
    if (!std::filesystem::exists(path, error)) continue;
    all.insert(all.end(), {"--ro-bind", path, path});
  }
  for (const std::string& path : readable_) all.insert(all.end(), {"--ro-bind", path, path});
  all.insert(all.end(), {"--bind", folder, folder, "--chdir", folder, "--"});
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

Result<void> Jail::run(const std::vector<std::string>& command, const std::string& folder,
                       const JailLimits& limits) const {
  std::vector<std::string> all = wrapped(command, folder);
  std::vector<char*> arguments;
  for (std::string& argument : all) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const std::string name = std::filesystem::path(command.front()).filename().string();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(name + " cannot be started", std::strerror(errno));
  Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) return fail(name + " cannot be started", std::strerror(errno));
  if (child == 0) become(arguments.data(), folder.c_str(), writer.fd, limits);
  setpgid(child, child);
  writer.reset();
  return judge(name, await(child, reader.fd, limits.wall_s), limits);
}

}  // namespace proxima::builder

#include "sdk/cli/up/child.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace proxima::cli {
namespace {

constexpr std::size_t log_bytes_max = 4U << 20U;
constexpr std::size_t line_bytes_max = 64U << 10U;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  bool open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end = ends[0];
    write_end = ends[1];
    return fcntl(read_end, F_SETFL, O_NONBLOCK) == 0;
  }
};

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* argv, int out, int err, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the supervisor died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(127);
  setsid();
  execv(argv[0], argv);
  const char* words = "cannot execute: ";
  if (write(2, words, std::strlen(words)) < 0 || write(2, argv[0], std::strlen(argv[0])) < 0) _exit(127);
  _exit(127);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

struct Child::Watch {
  uv_poll_t poll{};
  int fd = -1;
  std::function<void()> on_readable;
};

Child::Child(io::Loop& loop, ChildSpec spec) : loop_(loop), spec_(std::move(spec)) {}

Result<std::unique_ptr<Child>> Child::start(io::Loop& loop, ChildSpec spec) {
  const std::string what = "cannot start " + spec.argv.at(0);
  std::unique_ptr<Child> child(new Child(loop, std::move(spec)));
  const std::string& log_path = child->spec_.log_path;
  child->log_fd_ = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (child->log_fd_ < 0) return fail(what, "its log '" + log_path + "': " + std::strerror(errno));
  if (access(child->spec_.argv[0].c_str(), X_OK) != 0)
    return fail(what, std::strerror(errno), "build everything first: scripts/build");

  Pipe out;
  Pipe err;
  if (!out.open() || !err.open()) return fail(what, std::strerror(errno));
  std::vector<char*> argv;
  for (std::string& word : child->spec_.argv) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(argv.data(), out.write_end, err.write_end, parent);
  close(out.write_end);
  close(err.write_end);
  if (pid < 0) {
    close(out.read_end);
    close(err.read_end);
    return fail(what, std::strerror(errno));
  }
  child->pid_ = pid;
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return fail(what, std::string("pidfd_open: ") + std::strerror(errno), "a kernel of 5.3 or newer is needed");
  Child* self = child.get();
  self->watch(self->out_, out.read_end, [self] { self->read_stdout(); });
  self->watch(self->err_, err.read_end, [self] { self->read_stderr(); });
  self->watch(self->death_, pidfd, [self] { self->reap(); });
  return child;
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  drop(out_);
  drop(err_);
  drop(death_);
  if (log_fd_ >= 0) close(log_fd_);
}

void Child::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

void Child::watch(Watch*& place, int fd, std::function<void()> on_readable) {
  auto* made = new Watch;  // freed by libuv's close callback in drop()
  made->fd = fd;
  made->on_readable = std::move(on_readable);
  uv_poll_init(&loop_.raw(), &made->poll, fd);
  made->poll.data = made;
  uv_poll_start(&made->poll, UV_READABLE | UV_DISCONNECT, [](uv_poll_t* poll, int, int) {
    const auto call = static_cast<Watch*>(poll->data)->on_readable;  // the callback may drop this watch
    call();
  });
  place = made;
}

void Child::drop(Watch*& place) {
  if (place == nullptr) return;
  uv_poll_stop(&place->poll);
  close(place->fd);
  uv_close(reinterpret_cast<uv_handle_t*>(&place->poll), [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  place = nullptr;
}

void Child::read_stdout() {
  std::array<char, 4096> buffer{};
  while (out_ != nullptr) {
    const ssize_t got = read(out_->fd, buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(out_);
    line_.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      const std::string line = line_.substr(0, end);
      line_.erase(0, end + 1);
      if (spec_.on_line) spec_.on_line(line);
    }
    if (line_.size() > line_bytes_max) line_.clear();
  }
}

void Child::read_stderr() {
  std::array<char, 4096> buffer{};
  while (err_ != nullptr) {
    const ssize_t got = read(err_->fd, buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(err_);
    if (log_bytes_ > log_bytes_max) {
      const std::string older = spec_.log_path + ".1";
      close(log_fd_);
      std::rename(spec_.log_path.c_str(), older.c_str());
      log_fd_ = open(spec_.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      log_bytes_ = 0;
    }
    if (write(log_fd_, buffer.data(), static_cast<std::size_t>(got)) > 0) log_bytes_ += static_cast<std::size_t>(got);
  }
}

void Child::reap() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return;
  read_stdout();
  read_stderr();
  pid_ = -1;
  drop(death_);
  const auto on_exit = spec_.on_exit;  // the callback may destroy this child
  if (on_exit) on_exit(how_it_ended(status));
}

}  // namespace proxima::cli

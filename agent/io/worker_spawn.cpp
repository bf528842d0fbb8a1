#include "agent/io/worker_spawn.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace proxima::agent {
namespace {

constexpr int first_child_descriptor = 3;
constexpr int parking_descriptor = 64;  // above every number that a child gets

std::string error_text(int code) { return std::strerror(code); }

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));  // NOLINT: execve's signature
  out.push_back(nullptr);
  return out;
}

/// posix_spawn's file actions and attributes, destroyed with their owner.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  void clean_signals() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }

  void hand_over(const std::vector<Descriptor>& parked) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    posix_spawn_file_actions_adddup2(&actions, 0, 2);  // a sanitizer's report needs a way out
#endif
    int target = first_child_descriptor;
    for (const Descriptor& descriptor : parked) {
      posix_spawn_file_actions_adddup2(&actions, descriptor.get(), target++);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, target);
  }
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

int Descriptor::release() { return std::exchange(fd_, -1); }

void Descriptor::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<SpawnedChild> spawn_child(const std::string& program, const std::vector<std::string>& arguments,
                                 std::span<const int> descriptors, const std::vector<std::string>& environment) {
  // Parked high first, so that no dup2 in the child overwrites a descriptor that a later one still needs.
  std::vector<Descriptor> parked;
  for (const int descriptor : descriptors) {
    parked.emplace_back(fcntl(descriptor, F_DUPFD_CLOEXEC, parking_descriptor));
    if (parked.back().get() < 0) return fail("cannot start " + program, error_text(errno));
  }
  SpawnPlan plan;
  plan.clean_signals();
  plan.hand_over(parked);
  SpawnedChild child;
  const int error = posix_spawn(&child.pid, program.c_str(), &plan.actions, &plan.attributes, pointers(arguments).data(),
                                pointers(environment).data());
  if (error != 0) return fail("cannot start " + program, error_text(error), "is Proxima installed completely?");
  child.exit_notice = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  if (child.exit_notice.get() >= 0) return child;
  const int cause = errno;
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  return fail("cannot watch " + program, error_text(cause), "Linux 5.3 or newer is needed");
}

Result<Descriptor> make_shared_memory(const char* name, std::size_t bytes) {
  Descriptor memory(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (memory.get() < 0) return fail("cannot make shared memory", error_text(errno));
  if (ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail("cannot make shared memory of " + std::to_string(bytes) + " bytes", error_text(errno));
  }
  return memory;
}

Result<Descriptor> make_sealed_copy(const std::string& path, std::size_t limit) {
  const std::string what = "cannot load the task's object " + path;
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) return fail(what, error_text(errno));
  if (!S_ISREG(info.st_mode)) return fail(what, "not a file");
  auto left = static_cast<std::uint64_t>(info.st_size);
  if (left > limit) return fail(what, "it has " + std::to_string(left) + " bytes, the limit is " + std::to_string(limit));
  Descriptor memory(memfd_create("proxima-object", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (memory.get() < 0) return fail(what, error_text(errno));
  while (left > 0) {
    const ssize_t copied = sendfile(memory.get(), file.get(), nullptr, left);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0) return fail(what, error_text(errno));
    if (copied == 0) return fail(what, "it became shorter while it was read");
    left -= static_cast<std::uint64_t>(copied);
  }
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return fail(what, error_text(errno));
  }
  return memory;
}

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail("cannot make a pipe", error_text(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

void never_block(const Descriptor& end) { (void)fcntl(end.get(), F_SETFL, O_NONBLOCK); }

}  // namespace proxima::agent

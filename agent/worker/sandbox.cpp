#include "agent/worker/sandbox.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
/// Looking for leaks at the end needs a thread and ptrace, and faults are the guest's traps: neither is the sanitizer's here.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0:handle_segv=0:handle_sigbus=0:use_sigaltstack=0"; }
#endif

namespace proxima::worker {
namespace {

// User ids far above those that distributions hand out; one for each instance, so that two of them cannot signal each other.
constexpr uid_t first_user = 1'800'000'000;
constexpr uid_t user_count = 100'000'000;
constexpr uid_t overflow_user = 65534;  // where a user namespace maps only the usual 65536

constexpr rlim_t open_files = 64;       // the loader needs a few at once; afterwards no call is left that opens one

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;        // shadow memory counts as private data of many terabytes
#else
constexpr bool sanitized = false;
#endif

Farewell* forbidden_call_record = nullptr;

std::string error_text(int code) { return std::strerror(code); }

bool become(uid_t user) {
  const auto group = static_cast<gid_t>(user);
  return setgroups(0, nullptr) == 0 && setresgid(group, group, group) == 0 && setresuid(user, user, user) == 0;
}

Result<void> leave_root(std::uint32_t seed) {
  if (geteuid() != 0 && getuid() != 0) return {};
  // An own network and an own IPC namespace cost about 0.8 ms. Seccomp denies every use of them all the same, so a kernel
  // that refuses them does not lower the level. Without root they would need a user namespace, in which the process would
  // hold capabilities again: not worth it.
  (void)unshare(CLONE_NEWIPC);
  (void)unshare(CLONE_NEWNET);
  if (!become(first_user + seed % user_count) && !become(overflow_user)) {
    return fail("cannot give up root", error_text(errno), "let the container map user id 65534, or start the agent as another user");
  }
  return {};
}

void limit(__rlimit_resource what, rlim_t value) {
  const rlimit both{value, value};
  (void)setrlimit(what, &both);  // lowering a limit cannot fail; a kernel without the limit has nothing to lower
}

void set_limits(const SandboxLimits& limits) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_NOFILE, open_files);
  limit(RLIMIT_NPROC, 0);
  if (limits.data_bytes != 0 && !sanitized) limit(RLIMIT_DATA, limits.data_bytes);
}

/// Asks the kernel's memory killer to take a task before anything else of the device.
void volunteer_for_memory_killer() {
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!write(file, "1000", 4);
  close(file);
}

Result<void> follow_parent(std::uint32_t parent_pid) {
  if (parent_pid == 0) return {};
  // After the change of user: that clears the setting.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail("cannot follow the agent's death", error_text(errno));
  if (getppid() != static_cast<pid_t>(parent_pid)) return fail("the agent is gone", "another process is the parent");
  return {};
}

/// Landlock: every kind of access to the file system is handled, and no rule grants any.
void leave_file_system() {
#ifdef SYS_landlock_create_ruleset
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = (1ULL << 13U) - 1;             // ABI 1
  if (abi >= 2) attributes.handled_access_fs |= 1ULL << 13U;    // linking across directories
  if (abi >= 3) attributes.handled_access_fs |= 1ULL << 14U;    // truncation
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (ruleset < 0) return;
  (void)syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
#endif
}

void on_forbidden_call(int, siginfo_t* info, void*) {
  // Nothing but plain stores and one system call: the guest may have left the heap and the locks in any state.
  Farewell& farewell = *forbidden_call_record;
  farewell.call_number.store(info->si_syscall, std::memory_order_relaxed);
  farewell.foreign_call.store(info->si_arch == seccomp_arch_native() ? 0 : 1, std::memory_order_relaxed);
  farewell.kind.store(static_cast<std::uint32_t>(FarewellKind::forbidden_call), std::memory_order_release);
  _exit(forbidden_call_exit);
}

/// A guest cannot take the handler away afterwards: rt_sigaction of this signal is on no list, and a SIGSYS that finds itself
/// blocked kills the process at once.
bool catch_forbidden_calls(Farewell& farewell) {
  forbidden_call_record = &farewell;
  struct sigaction action{};
  action.sa_sigaction = on_forbidden_call;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  return sigaction(SIGSYS, &action, nullptr) == 0;
}

bool add(scmp_filter_ctx filter, const AllowedCall& call) {
  const int number = seccomp_syscall_resolve_name(call.name.data());
  if (number < 0) return true;  // no such call on this architecture
  switch (call.when) {
    case AllowedCall::When::always:
      return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) == 0;
    case AllowedCall::When::argument_equals: {
      const scmp_arg_cmp equal{call.argument, SCMP_CMP_EQ, call.value, 0};
      return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &equal) == 0;
    }
    case AllowedCall::When::argument_lacks_bits: {
      const scmp_arg_cmp lacks{call.argument, SCMP_CMP_MASKED_EQ, call.value, 0};
      return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &lacks) == 0;
    }
  }
  return false;
}

bool load_filter(std::span<const AllowedCall> allowed) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
  if (filter == nullptr) return false;
  bool good = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP) == 0;
  // Threads that a library made while it was loaded are shut in as well.
  (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  for (const AllowedCall& call : allowed) good = good && add(filter, call);
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

constexpr AllowedCall common_calls[] = {
    {"brk"},
    {"munmap"},
    {"mremap"},
    {"madvise"},
    {"mmap", AllowedCall::When::argument_lacks_bits, 2, PROT_EXEC},
    {"mmap2", AllowedCall::When::argument_lacks_bits, 2, PROT_EXEC},
    {"mprotect", AllowedCall::When::argument_lacks_bits, 2, PROT_EXEC},
    {"futex"},
    {"futex_time64"},
    {"clock_gettime"},
    {"clock_gettime64"},
    {"clock_nanosleep"},
    {"clock_nanosleep_time64"},
    {"restart_syscall"},  // a wait that SIGSTOP and SIGCONT interrupted
    {"exit"},
    {"exit_group"},
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"sigaltstack"},
    {"sched_yield"},
    {"getpid"},
    {"gettid"},
    {"write", AllowedCall::When::argument_equals, 0, 2},
#endif
};

}  // namespace

Result<void> leave_privileges(const SandboxLimits& limits) {
  // The other end's death shall be seen, not died of.
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (chdir("/") != 0) return fail("cannot leave the agent's folder", error_text(errno));
  volunteer_for_memory_killer();
  PROXIMA_TRY(leave_root(limits.user_seed));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail("cannot set no_new_privs", error_text(errno));
  // The kernel made a process undumpable that changed its user, so nobody but root may look at it. One that an ordinary
  // user's agent started stays readable for that user, who may then see what runs on the device.
  (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  set_limits(limits);
  return follow_parent(limits.parent_pid);
}

SandboxLevel close_sandbox(std::span<const AllowedCall> allowed, Farewell& farewell) {
  leave_file_system();
  if (!catch_forbidden_calls(farewell) || !load_filter(allowed)) return SandboxLevel::process;
  return SandboxLevel::full;
}

std::vector<AllowedCall> needed_calls(std::span<const Doorbell> doorbells) {
  std::vector<AllowedCall> calls(std::begin(common_calls), std::end(common_calls));
  const auto allow = [&calls](const char* name, int descriptor) {
    if (descriptor < 0) return;
    calls.push_back({name, AllowedCall::When::argument_equals, 0, static_cast<std::uint64_t>(descriptor)});
  };
  for (const Doorbell& doorbell : doorbells) {
    allow("read", doorbell.in);
    allow("write", doorbell.out);
  }
  return calls;
}

}  // namespace proxima::worker

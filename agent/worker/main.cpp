// proxima-worker: one instance of one task, shut in. Started by the agent, which hands over every descriptor it needs.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/worker/channel.hpp"
#include "agent/worker/sandbox.hpp"
#include "agent/worker/task.hpp"

namespace {

using namespace proxima::worker;

constexpr const char* help =
    "proxima-worker runs one instance of one task; the agent starts it, not you.\n"
    "\n"
    "  proxima-worker --task NAME --object FD --channel FD --control-in FD --control-out FD\n"
    "                 [--calls FD --calls-in FD --calls-out FD]\n"
    "  proxima-worker --self-test\n"
    "\n"
    "  --task NAME          the task's name, for ps\n"
    "  --object FD          the native object that the builder made\n"
    "  --channel FD         memory shared with the agent: settings, frames, results\n"
    "  --control-in FD      pipe from the agent; its end ends the worker\n"
    "  --control-out FD     pipe to the agent\n"
    "  --calls FD           memory shared with the host-function process\n"
    "  --calls-in FD        pipe from the host-function process\n"
    "  --calls-out FD       pipe to the host-function process\n"
    "  --self-test          shut this process in and say how far: exit status 71 full (a forbidden call was caught),\n"
    "                       11 process (no seccomp here), 10 none\n"
    "\n"
    "Exit status: 0 the agent is gone, 1 the task ended it (the channel says why), 2 usage, 71 a forbidden system call.\n";

constexpr int exit_usage = 2;
constexpr int exit_level_process = 11;
constexpr int exit_level_none = 10;
constexpr std::uint64_t worker_own_bytes = 64U << 20U;  // libraries' data, heap, the runtime's tables

struct Arguments {
  std::string_view task;
  int object = -1;
  int channel = -1;
  Doorbell control;
  int calls = -1;
  Doorbell calls_doorbell;
  bool self_test = false;
};

bool read_descriptor(std::string_view text, int& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size() && out >= 0;
}

bool read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--self-test") {
      out.self_test = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const std::string_view value = argv[++i];
    if (name == "--task") {
      out.task = value;
      continue;
    }
    int* const target = name == "--object"        ? &out.object
                        : name == "--channel"     ? &out.channel
                        : name == "--control-in"  ? &out.control.in
                        : name == "--control-out" ? &out.control.out
                        : name == "--calls"       ? &out.calls
                        : name == "--calls-in"    ? &out.calls_doorbell.in
                        : name == "--calls-out"   ? &out.calls_doorbell.out
                                                  : nullptr;
    if (target == nullptr || !read_descriptor(value, *target)) return false;
  }
  const bool no_calls = out.calls < 0 && out.calls_doorbell.in < 0 && out.calls_doorbell.out < 0;
  const bool all_calls = out.calls >= 0 && out.calls_doorbell.in >= 0 && out.calls_doorbell.out >= 0;
  const bool base = out.object >= 0 && out.channel >= 0 && out.control.in >= 0 && out.control.out >= 0;
  return out.self_test || (base && (no_calls || all_calls));
}

std::vector<AllowedCall> task_calls(const Arguments& arguments) {
  const Doorbell doorbells[] = {arguments.control, arguments.calls_doorbell};
  std::vector<AllowedCall> calls = needed_calls(doorbells);
  // A fault that is no trap gives its signal back to the kernel and returns, to die of it.
  for (const int fault : {SIGSEGV, SIGBUS}) {
    calls.push_back({"rt_sigaction", AllowedCall::When::argument_equals, 0, static_cast<std::uint64_t>(fault)});
  }
  calls.push_back({"rt_sigreturn"});
  return calls;
}

[[noreturn]] void refuse(Farewell& farewell, const proxima::Error& error) {
  say_farewell(farewell, FarewellKind::refused, error.text());
  _exit(1);
}

/// Goes the same way as a task, then makes a call that the list forbids: what happens is the answer.
int self_test() {
  static Farewell farewell;
  if (!leave_privileges({worker_own_bytes, 1, 0}) || getuid() == 0 || geteuid() == 0) return exit_level_none;
  const std::vector<AllowedCall> calls = task_calls({});
  if (close_sandbox(calls, farewell) != SandboxLevel::full) return exit_level_process;
  (void)!socket(AF_INET, SOCK_STREAM, 0);
  return exit_level_process;  // the call came through: seccomp is here in name only
}

[[noreturn]] void run_task(const Arguments& arguments) {
  SharedMemory head = SharedMemory::map(arguments.channel, TaskLayout::head());
  if (!head) _exit(exit_usage);
  auto& channel = *reinterpret_cast<TaskChannel*>(head.at(0));
  if (channel.magic != channel_magic) _exit(exit_usage);
  const TaskSettings settings = channel.settings;
  const TaskLayout layout{settings.input_bytes, settings.output_bytes};
  SharedMemory memory = SharedMemory::map(arguments.channel, layout.total());
  if (!memory) refuse(channel.farewell, {"cannot map the frames", std::strerror(errno), {}});

  VisionCalls vision;
  if (arguments.calls >= 0) {
    SharedMemory calls = SharedMemory::map(arguments.calls, call_total);
    if (!calls) refuse(channel.farewell, {"cannot map the host functions' memory", std::strerror(errno), {}});
    vision = VisionCalls(std::move(calls), arguments.calls_doorbell);
  }
  const std::uint64_t data_bytes = worker_own_bytes + (static_cast<std::uint64_t>(settings.memory_mib) << 20U);
  const auto left = leave_privileges({data_bytes, settings.child.user_seed, settings.child.parent_pid});
  if (!left) refuse(channel.farewell, left.error());

  const auto seal = [&arguments, &channel] {
    for (const int no_longer_needed : {arguments.object, arguments.channel, arguments.calls}) {
      if (no_longer_needed >= 0) close(no_longer_needed);
    }
    const SandboxLevel level = close_sandbox(task_calls(arguments), channel.farewell);
    if (!ring(arguments.control, level == SandboxLevel::full ? Bell::sealed_full : Bell::sealed_process)) _exit(0);
  };
  static Task task(std::move(memory), settings, arguments.control, std::move(vision), seal);
  task.load(arguments.object);
  task.serve();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::fputs(help, stdout);
    return 0;
  }
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fputs("proxima-worker: bad arguments; the agent starts this program, see --help\n", stderr);
    return exit_usage;
  }
  if (arguments.self_test) return self_test();
  run_task(arguments);
}

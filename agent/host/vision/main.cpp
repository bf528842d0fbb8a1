// proxima-host-vision: the vision functions of one instance, shut in like a worker. The only program on a device that maps OpenCV.
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "agent/host/vision/hog_people.hpp"
#include "agent/worker/channel.hpp"
#include "agent/worker/sandbox.hpp"

namespace {

using namespace proxima::worker;
using proxima::vision::HogPeople;

constexpr const char* help =
    "proxima-host-vision offers the vision functions to one task; the agent starts it, not you.\n"
    "\n"
    "  proxima-host-vision --task NAME --channel FD --calls-in FD --calls-out FD --control-out FD\n"
    "\n"
    "  --task NAME        the task's name, for ps\n"
    "  --channel FD       memory shared with the worker: name, input and output of a call\n"
    "  --calls-in FD      pipe from the worker, one byte a call; its end ends this process\n"
    "  --calls-out FD     pipe to the worker, one byte an answer\n"
    "  --control-out FD   pipe to the agent\n"
    "\n"
    "Exit status: 0 worker or agent is gone, 1 it could not start (the channel says why), 2 usage, 71 a forbidden system call.\n";

constexpr int exit_usage = 2;
constexpr std::uint64_t data_bytes = 768U << 20U;  // the largest picture's gradients, and OpenCV's own

struct Arguments {
  int channel = -1;
  Doorbell calls;
  Doorbell control;
};

bool read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--task") continue;
    int* const target = name == "--channel"       ? &out.channel
                        : name == "--calls-in"    ? &out.calls.in
                        : name == "--calls-out"   ? &out.calls.out
                        : name == "--control-out" ? &out.control.out
                                                  : nullptr;
    if (target == nullptr) return false;
    const auto result = std::from_chars(value.data(), value.data() + value.size(), *target);
    if (result.ec != std::errc{} || result.ptr != value.data() + value.size()) return false;
  }
  return argc % 2 == 1 && out.channel >= 0 && out.calls.in >= 0 && out.calls.out >= 0 && out.control.out >= 0;
}

std::vector<AllowedCall> vision_calls(const Arguments& arguments) {
  const Doorbell doorbells[] = {arguments.calls, arguments.control};
  std::vector<AllowedCall> calls = needed_calls(doorbells);
  // The JPEG library's warnings; standard error is /dev/null.
  calls.push_back({"write", AllowedCall::When::argument_equals, 0, STDERR_FILENO});
  return calls;
}

std::uint64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Answers calls until the worker is gone.
void serve(SharedMemory& memory, const Doorbell& doorbell, HogPeople& hog_people) {
  auto& head = *reinterpret_cast<CallChannel*>(memory.at(0));
  std::vector<std::uint8_t> input;
  Bell bell{};
  while (await_bell(doorbell, bell)) {
    const std::uint64_t began = cpu_ns();
    // The worker is hostile: what it could change under a decoder's hands is copied before anything looks at it.
    const std::array<char, call_name_room> name = head.function;
    const std::size_t bytes = std::min<std::size_t>(head.input_bytes.load(std::memory_order_relaxed), call_input_bytes);
    input.assign(memory.at(call_input_at), memory.at(call_input_at) + bytes);
    const std::size_t room = std::min<std::size_t>(head.output_room.load(std::memory_order_relaxed), call_output_bytes);
    std::int32_t status = -2;
    if (std::string_view(name.data(), strnlen(name.data(), name.size())) == "hog_people") {
      status = hog_people(input, {memory.at(call_output_at), room});
    }
    head.status.store(status, std::memory_order_relaxed);
    head.cpu_ns.store(cpu_ns() - began, std::memory_order_relaxed);
    if (!ring(doorbell, Bell::answer)) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::fputs(help, stdout);
    return 0;
  }
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fputs("proxima-host-vision: bad arguments; the agent starts this program, see --help\n", stderr);
    return exit_usage;
  }
  SharedMemory memory = SharedMemory::map(arguments.channel, call_total);
  if (!memory) return exit_usage;
  auto& head = *reinterpret_cast<CallChannel*>(memory.at(0));
  if (head.magic != channel_magic) return exit_usage;
  const ChildSettings settings = head.settings;
  const auto left = leave_privileges({data_bytes, settings.user_seed, settings.parent_pid});
  if (!left) {
    say_farewell(head.farewell, FarewellKind::refused, left.error().text());
    return 1;
  }
  HogPeople hog_people;
  hog_people.warm_up();
  close(arguments.channel);
  const SandboxLevel level = close_sandbox(vision_calls(arguments), head.farewell);
  if (!ring(arguments.control, level == SandboxLevel::full ? Bell::sealed_full : Bell::sealed_process)) return 0;
  serve(memory, arguments.calls, hog_people);
  _exit(0);  // no destructors of libraries: they make calls that are forbidden now
}

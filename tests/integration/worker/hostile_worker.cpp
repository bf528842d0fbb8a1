// A worker that was taken over: speaks with the agent as proxima-worker does, and lies. The task's name says how.
#include <charconv>
#include <string_view>

#include <unistd.h>

#include "agent/worker/channel.hpp"

namespace {

using namespace proxima::worker;

struct Arguments {
  std::string_view task;
  int channel = -1;
  Doorbell control;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    int number = -1;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "--task") out.task = value;
    if (name == "--channel") out.channel = number;
    if (name == "--control-in") out.control.in = number;
    if (name == "--control-out") out.control.out = number;
  }
  return out;
}

void lie_in_answers(TaskChannel& channel) {
  for (AnswerSlot& answer : channel.answers) {
    answer.output_bytes.store(0xffffffff);
    answer.log_bytes.store(0xffffffff);
    answer.log.fill('\x1b');
    answer.log[0] = '1';
    answer.cpu_ns.store(~0ULL);
  }
}

void lie_in_farewell(Farewell& farewell, std::uint32_t kind) {
  farewell.text.fill('\n');
  farewell.text_bytes.store(0xffffffff);
  farewell.call_number.store(-5);
  farewell.kind.store(kind);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  SharedMemory memory = SharedMemory::map(arguments.channel, TaskLayout::head());
  auto& channel = *reinterpret_cast<TaskChannel*>(memory.at(0));
  const auto say = [&arguments](Bell bell) { (void)!ring(arguments.control, bell); };
  Bell bell{};
  if (arguments.task == "ready-first") say(Bell::ready);
  if (arguments.task == "sealed-twice") say(Bell::sealed_full);
  if (arguments.task == "unknown-bell") say(static_cast<Bell>(0));
  say(Bell::sealed_full);
  say(Bell::ready);
  if (arguments.task == "answers-nothing") say(Bell::done);
  if (arguments.task == "hangs-up") {
    close(arguments.control.out);
    for (;;) pause();
  }
  if (arguments.task == "lies-in-farewell") lie_in_farewell(channel.farewell, 1);
  if (arguments.task == "lies-about-a-call") lie_in_farewell(channel.farewell, 2);
  if (arguments.task == "unknown-farewell") lie_in_farewell(channel.farewell, 77);
  if (arguments.task.starts_with("lies-about") || arguments.task.ends_with("farewell")) return 3;
  while (await_bell(arguments.control, bell)) {
    lie_in_answers(channel);
    say(Bell::done);
    if (arguments.task == "answers-twice") say(Bell::done);
  }
  return 0;
}

#include "agent/worker/task.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>
#include <string>
#include <utility>

#include <unistd.h>

namespace proxima::worker {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

std::uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * second_ns + static_cast<std::uint64_t>(time.tv_nsec);
}

void sleep_until(std::uint64_t due_ns) {
  const timespec due{static_cast<time_t>(due_ns / second_ns), static_cast<long>(due_ns % second_ns)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) == EINTR) {
  }
}

FrameInfo frame_info(std::uint32_t format, std::uint32_t width, std::uint32_t height) {
  return {static_cast<std::uint8_t>(format), static_cast<std::uint16_t>(width), static_cast<std::uint16_t>(height)};
}

}  // namespace

void DutyCycle::begin() { began_ns_ = read_clock(CLOCK_MONOTONIC); }

std::uint64_t DutyCycle::end(std::uint64_t other_cpu_ns) {
  const std::uint64_t own = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  const std::uint64_t used = own - cpu_counted_ns_ + other_cpu_ns;
  cpu_counted_ns_ = own;
  if (percent_ < 100) sleep_until(began_ns_ + used * 100 / percent_);
  return used;
}

Task::Task(SharedMemory memory, const TaskSettings& settings, Doorbell control, VisionCalls vision,
           std::function<void()> seal)
    : memory_(std::move(memory)),
      settings_(settings),
      layout_{settings.input_bytes, settings.output_bytes},
      control_(control),
      vision_(std::move(vision)),
      seal_(std::move(seal)),
      duty_(std::clamp<std::uint32_t>(settings.cpu_percent, 1, 100)) {}

void Task::load(int object_fd) {
  auto guest = Guest::load(object_fd, GuestLimits{settings_.memory_mib}, *this);
  if (!guest) end(FarewellKind::refused, guest.error().text());
  guest_ = std::move(*guest);
}

void Task::serve() {
  try {
    open();
    if (!ring(control_, Bell::ready)) _exit(0);
    Bell bell{};
    for (std::size_t slot = 0; await_bell(control_, bell); slot = (slot + 1) % frame_slots) serve_frame(slot);
  } catch (const std::bad_alloc&) {
    end(FarewellKind::out_of_memory, {});
  }
  _exit(0);  // the agent is gone
}

void Task::open() {
  duty_.end(0);  // what loading took is nobody's burst
  duty_.begin();
  const GuestOutcome outcome = guest_->open(frame_info(settings_.format, settings_.width, settings_.height));
  if (outcome.kind == GuestOutcome::Kind::trapped) end(FarewellKind::trap, outcome.reason);
  if (outcome.kind == GuestOutcome::Kind::failed) {
    end(FarewellKind::refused, "on_open returned " + std::to_string(outcome.code));
  }
  duty_.end(std::exchange(other_cpu_ns_, 0));
}

void Task::serve_frame(std::size_t slot) {
  duty_.begin();
  const FrameSlot frame = channel().frames[slot];
  AnswerSlot& answer = channel().answers[slot];
  answer.log_bytes.store(0, std::memory_order_relaxed);
  log_slot_ = slot;
  const std::size_t bytes = std::min<std::size_t>(frame.bytes, layout_.input_bytes);
  const GuestOutcome outcome = guest_->frame(frame_info(frame.format, frame.width, frame.height),
                                             {memory_.at(layout_.input_at(slot)), bytes});
  if (outcome.kind == GuestOutcome::Kind::trapped) end(FarewellKind::trap, outcome.reason);
  const std::span<const std::uint8_t> output =
      outcome.kind == GuestOutcome::Kind::ok ? outcome.output : std::span<const std::uint8_t>{};
  if (output.size() > layout_.output_bytes) {
    end(FarewellKind::overrun, "a result of " + std::to_string(output.size()) + " bytes, over the limit of " +
                                   std::to_string(layout_.output_bytes));
  }
  if (!output.empty()) std::memcpy(memory_.at(layout_.output_at(slot)), output.data(), output.size());
  answer.failed.store(outcome.kind == GuestOutcome::Kind::failed ? 1 : 0, std::memory_order_relaxed);
  answer.code.store(outcome.code, std::memory_order_relaxed);
  answer.output_bytes.store(static_cast<std::uint32_t>(output.size()), std::memory_order_relaxed);
  answer.cpu_ns.store(duty_.end(std::exchange(other_cpu_ns_, 0)), std::memory_order_release);
  if (!ring(control_, Bell::done)) _exit(0);
}

void Task::end(FarewellKind kind, std::string_view text) {
  say_farewell(channel().farewell, kind, text);
  _exit(1);
}

void Task::log(int level, std::string_view text) {
  AnswerSlot& slot = channel().answers[log_slot_];
  const std::size_t used = slot.log_bytes.load(std::memory_order_relaxed);
  const std::size_t line = text.size() + 2;
  if (used > log_room || line > log_room - used) return;
  slot.log[used] = static_cast<char>('0' + std::clamp(level, 0, 9));
  std::copy(text.begin(), text.end(), slot.log.data() + used + 1);
  slot.log[used + line - 1] = '\n';
  slot.log_bytes.store(static_cast<std::uint32_t>(used + line), std::memory_order_relaxed);
}

std::uint64_t Task::now_ns() { return read_clock(CLOCK_MONOTONIC); }

std::int32_t Task::call(std::string_view group, std::string_view function, std::span<const std::uint8_t> input,
                        std::span<std::uint8_t> output) {
  if (group != "vision") return -2;
  return vision_.call(function, input, output, other_cpu_ns_);
}

}  // namespace proxima::worker

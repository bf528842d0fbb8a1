#include "agent/io/worker_runner.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/io/worker_spawn.hpp"
#include "agent/worker/channel.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

using worker::Bell;
using worker::Farewell;
using worker::FarewellKind;
using worker::SharedMemory;

constexpr std::uint64_t ms_ns = 1'000'000;
constexpr std::uint32_t start_limit_ms = 10'000;       // our own code: a slow disk is no reason to give up
constexpr std::uint64_t late_timer_ns = 200 * ms_ns;   // later than that, this process was stopped or starved itself
constexpr int self_test_limit_ms = 5'000;
constexpr int self_test_full = 71;                     // the exit status of a caught forbidden call
constexpr int self_test_process = 11;

/// What the agent knows of one child.
struct Child {
  SpawnedChild process;
  Descriptor from_child;          ///< the doorbell's pipe to us
  std::optional<Bell> sealed;     ///< how far it said to be shut in
  std::optional<int> status;      ///< as waitpid gives it, once reaped
  bool killed = false;            ///< by us
};

/// What worker and host-function process share; the agent keeps none of it.
struct VisionParts {
  Descriptor memory;
  Pipe calls;
  Pipe answers;
};

Result<VisionParts> make_vision_parts() {
  auto memory = make_shared_memory("proxima-calls", worker::call_total);
  if (!memory) return memory.failure();
  auto calls = make_pipe();
  if (!calls) return calls.failure();
  auto answers = make_pipe();
  if (!answers) return answers.failure();
  return VisionParts{std::move(*memory), std::move(*calls), std::move(*answers)};
}

/// The loop's handles of one runner. They outlive it: libuv lets go of them in a later turn of the loop.
struct Handles {
  uv_poll_t worker_control{};
  uv_poll_t worker_exit{};
  uv_poll_t host_control{};
  uv_poll_t host_exit{};
  uv_timer_t timer{};
  int open = 0;
};

/// A frame handed over and not yet answered.
struct Outstanding {
  std::uint64_t token = 0;
  std::uint64_t submitted_ns = 0;
};

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

std::string printable(const char* text, std::size_t count) {
  std::string out(text, count);
  for (char& c : out) {
    if (c < 0x20 || c >= 0x7f) c = '?';
  }
  return out;
}

/// Last words in words; empty if there are none. The memory is hostile: each field is read once.
std::string describe_farewell(const Farewell& farewell) {
  const auto kind = static_cast<FarewellKind>(farewell.kind.load(std::memory_order_acquire));
  const std::size_t count = std::min<std::size_t>(farewell.text_bytes.load(std::memory_order_relaxed), worker::text_room);
  switch (kind) {
    case FarewellKind::none: return {};
    case FarewellKind::trap: return "trap: " + printable(farewell.text.data(), count);
    case FarewellKind::out_of_memory: return "out of memory";
    case FarewellKind::refused: return "refused: " + printable(farewell.text.data(), count);
    case FarewellKind::overrun: return "overrun: " + printable(farewell.text.data(), count);
    case FarewellKind::forbidden_call: {
      const std::int32_t number = farewell.call_number.load(std::memory_order_relaxed);
      if (farewell.foreign_call.load(std::memory_order_relaxed) != 0) {
        return "called the forbidden system call number " + std::to_string(number) + " of another architecture";
      }
      const std::string_view name = worker::system_call_name(number);
      return "called the forbidden system call " + (name.empty() ? "number " + std::to_string(number) : std::string(name));
    }
  }
  return {};
}

Result<void> check(const WorkerSpec& spec) {
  const std::string what = "cannot start task " + spec.task_name;
  if (spec.input.max_bytes == 0 || spec.input.max_bytes > limits::frame_bytes) {
    return fail(what, "frames of " + std::to_string(spec.input.max_bytes) + " bytes",
                "1 to " + std::to_string(limits::frame_bytes) + " are possible");
  }
  if (spec.memory_mib == 0 || spec.memory_mib > limits::memory_mib_max) {
    return fail(what, "memory_mib is " + std::to_string(spec.memory_mib),
                "1 to " + std::to_string(limits::memory_mib_max) + " are possible");
  }
  if (spec.output_limit_bytes > limits::output_bytes) {
    return fail(what, "results of " + std::to_string(spec.output_limit_bytes) + " bytes",
                "at most " + std::to_string(limits::output_bytes) + " are possible");
  }
  if (spec.cpu_percent == 0 || spec.cpu_percent > 100) {
    return fail(what, "cpu_percent is " + std::to_string(spec.cpu_percent), "1 to 100 are possible");
  }
  for (const std::string& function : spec.functions) {
    if (function != "vision") return fail(what, "host function group '" + function + "' is not offered here");
  }
  return {};
}

class Runner final : public WorkerRunner {
 public:
  Runner(uv_loop_t& loop, const WorkerSpec& spec, WorkerCallbacks callbacks)
      : loop_(loop),
        spec_(spec),
        callbacks_(std::move(callbacks)),
        layout_{spec.input.max_bytes,
                spec.output_limit_bytes == 0 ? limits::output_bytes : spec.output_limit_bytes} {
    output_.reserve(layout_.output_bytes);
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() override;

  Result<void> launch(const std::string& worker_program, const std::string& vision_program);

  [[nodiscard]] bool idle() const override { return phase_ == Phase::ready && outstanding_.size() < worker::frame_slots; }
  void submit(std::uint64_t token, const protocol::InputSpec& shape, std::span<const std::uint8_t> bytes) override;
  void stop() override { end("stopped"); }

 private:
  enum class Phase { starting, opening, ready, ending, gone };

  Result<void> launch_vision(const std::string& program, const VisionParts& parts);
  Result<void> launch_worker(const std::string& program, const Descriptor& channel, const VisionParts* vision);
  Result<void> watch();
  [[nodiscard]] worker::ChildSettings child_settings() const;
  [[nodiscard]] std::vector<Child*> children();
  [[nodiscard]] worker::TaskChannel& channel() { return *reinterpret_cast<worker::TaskChannel*>(memory_.at(0)); }

  void on_control(Child& child, uv_poll_t& poll);
  void on_bell(Child& child, Bell bell);
  void on_progress();
  void on_done();
  void pass_log_on(std::size_t slot);
  void on_exit();
  void on_timer();
  void arm(std::uint64_t from_ns, std::uint32_t limit_ms);
  [[nodiscard]] std::uint32_t guest_limit_ms() const;

  void end(std::string reason);
  void kill_children();
  static void reap(Child& child, bool wait);
  [[nodiscard]] std::string reason_of_end();
  void close_handles();

  uv_loop_t& loop_;
  WorkerSpec spec_;
  WorkerCallbacks callbacks_;
  worker::TaskLayout layout_;
  Phase phase_ = Phase::starting;
  SharedMemory memory_;
  SharedMemory calls_head_;
  Child worker_;
  Descriptor to_worker_;                 ///< the doorbell's pipe to the worker
  std::optional<Child> host_;
  bool opened_ = false;                  ///< the worker said that on_open has returned
  Handles* handles_ = nullptr;
  std::deque<Outstanding> outstanding_;
  std::size_t next_slot_ = 0;
  std::size_t answered_slot_ = 0;
  std::uint64_t turn_ns_ = 0;            ///< when the oldest outstanding frame's turn came
  std::uint64_t due_ns_ = 0;             ///< when the timer shall find something wrong
  std::uint32_t armed_limit_ms_ = 0;
  std::string reason_;                   ///< why we ended the children; empty: they ended by themselves
  std::vector<std::uint8_t> output_;
};

Runner::~Runner() {
  // Never destroyed before on_gone in an orderly run; if it is, nothing may be left behind all the same.
  for (Child* child : children()) {
    if (!child->status && child->process.pid > 0) {
      kill(child->process.pid, SIGKILL);
      reap(*child, true);
    }
  }
  close_handles();
}

std::vector<Child*> Runner::children() {
  if (host_) return {&worker_, &*host_};
  return {&worker_};
}

worker::ChildSettings Runner::child_settings() const {
  const std::uint64_t mixed = spec_.instance.value * 0x9e3779b97f4a7c15ULL;
  return {static_cast<std::uint32_t>(getpid()), static_cast<std::uint32_t>(mixed >> 32U)};
}

Result<void> Runner::launch(const std::string& worker_program, const std::string& vision_program) {
  PROXIMA_TRY(check(spec_));
  auto channel_memory = make_shared_memory("proxima-channel", layout_.total());
  if (!channel_memory) return channel_memory.failure();
  memory_ = SharedMemory::map(channel_memory->get(), layout_.total());
  if (!memory_) return fail("cannot map shared memory", std::strerror(errno));
  channel().magic = worker::channel_magic;
  channel().settings = {child_settings(),
                        spec_.memory_mib,
                        spec_.cpu_percent,
                        static_cast<std::uint32_t>(layout_.input_bytes),
                        static_cast<std::uint32_t>(layout_.output_bytes),
                        static_cast<std::uint32_t>(spec_.input.format),
                        spec_.input.width,
                        spec_.input.height};
  if (spec_.functions.empty()) {
    PROXIMA_TRY(launch_worker(worker_program, *channel_memory, nullptr));
    return watch();
  }
  auto parts = make_vision_parts();
  if (!parts) return parts.failure();
  PROXIMA_TRY(launch_vision(vision_program, *parts));
  PROXIMA_TRY(launch_worker(worker_program, *channel_memory, &*parts));
  return watch();
}

Result<void> Runner::launch_vision(const std::string& program, const VisionParts& parts) {
  calls_head_ = SharedMemory::map(parts.memory.get(), worker::call_head);
  if (!calls_head_) return fail("cannot map shared memory", std::strerror(errno));
  auto& head = *reinterpret_cast<worker::CallChannel*>(calls_head_.at(0));
  head.magic = worker::channel_magic;
  head.settings = child_settings();
  auto control = make_pipe();
  if (!control) return control.failure();
  const std::array descriptors{parts.memory.get(), parts.calls.in.get(), parts.answers.out.get(), control->out.get()};
  // Libraries of OpenCV start threads and look for OpenCL when they are loaded, unless told otherwise.
  auto child = spawn_child(program,
                           {program, "--task", spec_.task_name, "--channel", "3", "--calls-in", "4", "--calls-out", "5",
                            "--control-out", "6"},
                           descriptors,
                           {"OPENCV_OPENCL_RUNTIME=disabled", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "LC_ALL=C"});
  if (!child) return child.failure();
  never_block(control->in);
  host_.emplace();
  host_->process = std::move(*child);
  host_->from_child = std::move(control->in);
  return {};
}

Result<void> Runner::launch_worker(const std::string& program, const Descriptor& channel, const VisionParts* vision) {
  auto object = make_sealed_copy(spec_.object_path, limits::object_bytes);
  if (!object) return object.failure();
  auto frames = make_pipe();
  if (!frames) return frames.failure();
  auto control = make_pipe();
  if (!control) return control.failure();
  std::vector<int> descriptors{object->get(), channel.get(), frames->in.get(), control->out.get()};
  std::vector<std::string> arguments{program, "--task",       spec_.task_name, "--object",      "3", "--channel",
                                     "4",     "--control-in", "5",             "--control-out", "6"};
  if (vision != nullptr) {
    descriptors.insert(descriptors.end(), {vision->memory.get(), vision->answers.in.get(), vision->calls.out.get()});
    arguments.insert(arguments.end(), {"--calls", "7", "--calls-in", "8", "--calls-out", "9"});
  }
  auto child = spawn_child(program, arguments, descriptors, {"LC_ALL=C"});
  if (!child) return child.failure();
  never_block(frames->out);
  never_block(control->in);
  worker_.process = std::move(*child);
  worker_.from_child = std::move(control->in);
  to_worker_ = std::move(frames->out);
  return {};
}

Result<void> Runner::watch() {
  handles_ = new Handles;  // deleted by close_handles(), when libuv has let go of all five
  const auto watch_one = [this](uv_poll_t& poll, int descriptor, uv_poll_cb callback) {
    const int error = uv_poll_init(&loop_, &poll, descriptor);
    if (error != 0) return error;
    poll.data = this;
    ++handles_->open;
    return uv_poll_start(&poll, UV_READABLE, callback);
  };
  uv_timer_init(&loop_, &handles_->timer);
  handles_->timer.data = this;
  ++handles_->open;
  static constexpr auto runner_of = [](auto* handle) { return static_cast<Runner*>(handle->data); };
  int error = watch_one(handles_->worker_control, worker_.from_child.get(), [](uv_poll_t* poll, int, int) {
    Runner* const runner = runner_of(poll);
    runner->on_control(runner->worker_, *poll);
  });
  const auto exit_callback = [](uv_poll_t* poll, int, int) { runner_of(poll)->on_exit(); };
  if (error == 0) error = watch_one(handles_->worker_exit, worker_.process.exit_notice.get(), exit_callback);
  if (error == 0 && host_) {
    error = watch_one(handles_->host_control, host_->from_child.get(), [](uv_poll_t* poll, int, int) {
      Runner* const runner = runner_of(poll);
      runner->on_control(*runner->host_, *poll);
    });
    if (error == 0) error = watch_one(handles_->host_exit, host_->process.exit_notice.get(), exit_callback);
  }
  if (error != 0) return fail("cannot watch the worker", uv_strerror(error));
  arm(uv_hrtime(), start_limit_ms);
  return {};
}

void Runner::on_control(Child& child, uv_poll_t& poll) {
  std::uint8_t byte = 0;
  const ssize_t got = read(child.from_child.get(), &byte, 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got == 1) {
    if (phase_ != Phase::ending) on_bell(child, static_cast<Bell>(byte));
    return;
  }
  // The other end is closed: the child ends, or does what no child of ours does. Its exit says the rest.
  uv_poll_stop(&poll);
  if (!child.status) kill(child.process.pid, SIGKILL);
}

void Runner::on_bell(Child& child, Bell bell) {
  const bool of_worker = &child == &worker_;
  if ((bell == Bell::sealed_full || bell == Bell::sealed_process) && !child.sealed) {
    child.sealed = bell;
    return on_progress();
  }
  if (of_worker && bell == Bell::ready && child.sealed && !opened_) {
    opened_ = true;
    return on_progress();
  }
  if (of_worker && bell == Bell::done && phase_ == Phase::ready && !outstanding_.empty()) return on_done();
  end("broke the protocol between worker and agent");
}

/// Worker and host-function process start side by side, so their words come in any order.
void Runner::on_progress() {
  bool full = true;
  for (const Child* child : children()) {
    if (!child->sealed) return;
    full = full && *child->sealed == Bell::sealed_full;
  }
  if (!opened_) {
    phase_ = Phase::opening;
    return arm(uv_hrtime(), guest_limit_ms());
  }
  phase_ = Phase::ready;
  uv_timer_stop(&handles_->timer);
  const WorkerProcesses processes{static_cast<std::uint32_t>(worker_.process.pid),
                                  host_ ? static_cast<std::uint32_t>(host_->process.pid) : 0,
                                  full ? protocol::Isolation::full : protocol::Isolation::process};
  if (callbacks_.on_ready) callbacks_.on_ready(processes);
}

void Runner::submit(std::uint64_t token, const protocol::InputSpec& shape, std::span<const std::uint8_t> bytes) {
  PROXIMA_ASSERT(idle());
  PROXIMA_ASSERT(bytes.size() <= layout_.input_bytes);
  if (!bytes.empty()) std::memcpy(memory_.at(layout_.input_at(next_slot_)), bytes.data(), bytes.size());
  channel().frames[next_slot_] = {static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(shape.format), shape.width,
                                  shape.height};
  next_slot_ = (next_slot_ + 1) % worker::frame_slots;
  const std::uint64_t now = uv_hrtime();
  outstanding_.push_back({token, now});
  if (outstanding_.size() == 1) {
    turn_ns_ = now;
    arm(now, guest_limit_ms());
  }
  // A worker that is gone already is noticed by its exit.
  (void)worker::ring({-1, to_worker_.get()}, Bell::frame);
}

void Runner::on_done() {
  const std::uint64_t now = uv_hrtime();
  const Outstanding frame = outstanding_.front();
  outstanding_.pop_front();
  const std::size_t slot = std::exchange(answered_slot_, (answered_slot_ + 1) % worker::frame_slots);
  const worker::AnswerSlot& answer = channel().answers[slot];
  WorkDone done;
  done.token = frame.token;
  done.cpu_us = static_cast<std::uint32_t>(answer.cpu_ns.load(std::memory_order_acquire) / 1000);
  done.ok = answer.failed.load(std::memory_order_relaxed) == 0;
  done.code = answer.code.load(std::memory_order_relaxed);
  done.executed_us = static_cast<std::uint32_t>((now - turn_ns_) / 1000);
  done.waited_us = static_cast<std::uint32_t>((turn_ns_ - frame.submitted_ns) / 1000);
  const std::size_t count = std::min<std::size_t>(answer.output_bytes.load(std::memory_order_relaxed), layout_.output_bytes);
  // Out of the worker's reach first: whoever reads it twice shall see the same.
  const std::uint8_t* const output = memory_.at(layout_.output_at(slot));
  output_.assign(output, output + count);
  done.output = output_;
  if (outstanding_.empty()) {
    uv_timer_stop(&handles_->timer);
  } else {
    turn_ns_ = now;
    arm(now, guest_limit_ms());
  }
  pass_log_on(slot);
  if (callbacks_.on_done) callbacks_.on_done(done);
}

void Runner::pass_log_on(std::size_t slot) {
  if (!callbacks_.on_log) return;
  const worker::AnswerSlot& answer = channel().answers[slot];
  const std::size_t count = std::min<std::size_t>(answer.log_bytes.load(std::memory_order_relaxed), worker::log_room);
  const std::string lines(answer.log.data(), count);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t stop = std::min(lines.find('\n', at), lines.size());
    const char level = lines[at];
    if (level >= '0' && level <= '9') {
      callbacks_.on_log(level - '0', printable(lines.data() + at + 1, stop - at - 1));
    }
    at = stop + 1;
  }
}

/// A worker that gets a fifth of a core takes five times as long for the same work: so does its limit.
std::uint32_t Runner::guest_limit_ms() const { return spec_.frame_limit_ms * 100 / spec_.cpu_percent; }

void Runner::arm(std::uint64_t from_ns, std::uint32_t limit_ms) {
  armed_limit_ms_ = limit_ms;
  due_ns_ = from_ns + limit_ms * ms_ns;
  uv_update_time(&loop_);  // libuv counts from the start of this turn of the loop, which may be long ago
  uv_timer_start(&handles_->timer, [](uv_timer_t* timer) { static_cast<Runner*>(timer->data)->on_timer(); }, limit_ms + 1, 0);
}

void Runner::on_timer() {
  const std::uint64_t now = uv_hrtime();
  if (now < due_ns_) return arm(now, static_cast<std::uint32_t>((due_ns_ - now) / ms_ns + 1));
  // A timer that comes far too late says that this process did not run either: stopped, suspended, or out of CPU like its
  // worker. That proves nothing against the worker.
  if (now - due_ns_ > late_timer_ns) return arm(now, armed_limit_ms_);
  const std::uint32_t limit_ms = phase_ == Phase::starting ? start_limit_ms : guest_limit_ms();
  end("hang: no answer in " + std::to_string(limit_ms) + " ms");
}

void Runner::end(std::string reason) {
  if (phase_ == Phase::ending || phase_ == Phase::gone) return;
  phase_ = Phase::ending;
  reason_ = std::move(reason);
  uv_timer_stop(&handles_->timer);
  kill_children();
}

void Runner::kill_children() {
  for (Child* child : children()) {
    reap(*child, false);  // one that died by itself must not count as killed by us
    if (child->status) continue;
    child->killed = true;
    kill(child->process.pid, SIGKILL);
  }
}

void Runner::reap(Child& child, bool wait) {
  if (child.status) return;
  int status = 0;
  pid_t got = 0;
  do {
    got = waitpid(child.process.pid, &status, wait ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == child.process.pid) child.status = status;
  // Somebody else reaped it: it is gone, that is all we shall ever know.
  if (got < 0) child.status = 0;
}

void Runner::on_exit() {
  // What a child said before it died comes first: its last answer decides which frame it died of.
  for (std::uint8_t byte = 0; phase_ != Phase::ending && read(worker_.from_child.get(), &byte, 1) == 1;) {
    on_bell(worker_, static_cast<Bell>(byte));
  }
  bool all = true;
  bool some = false;
  for (Child* child : children()) {
    reap(*child, false);
    all = all && child->status.has_value();
    some = some || child->status.has_value();
  }
  if (!some) return;
  if (worker_.status) uv_poll_stop(&handles_->worker_exit);
  if (host_ && host_->status) uv_poll_stop(&handles_->host_exit);
  if (!all) {
    if (phase_ != Phase::ending) phase_ = Phase::ending;
    uv_timer_stop(&handles_->timer);
    return kill_children();
  }
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  pass_log_on(answered_slot_);
  const std::string reason = reason_of_end();
  const std::uint64_t culprit = outstanding_.empty() ? 0 : outstanding_.front().token;
  close_handles();
  if (callbacks_.on_gone) callbacks_.on_gone(reason, culprit);
}

std::string Runner::reason_of_end() {
  if (!reason_.empty()) return reason_;
  if (host_) {
    const int status = *host_->status;
    const auto& head = *reinterpret_cast<const worker::CallChannel*>(calls_head_.at(0));
    const std::string words = describe_farewell(head.farewell);
    if (!words.empty()) return "host function process: " + words;
    const bool by_itself = WIFSIGNALED(status) ? !host_->killed : WEXITSTATUS(status) != 0;
    if (by_itself && WIFSIGNALED(status)) return "host function process died (signal " + std::to_string(WTERMSIG(status)) + ")";
    if (by_itself) return "host function process died (status " + std::to_string(WEXITSTATUS(status)) + ")";
  }
  const std::string words = describe_farewell(channel().farewell);
  return words.empty() ? describe_status(*worker_.status) : words;
}

void Runner::close_handles() {
  if (handles_ == nullptr) return;
  Handles* const handles = std::exchange(handles_, nullptr);
  const auto close_one = [handles](auto& handle) {
    auto* const base = reinterpret_cast<uv_handle_t*>(&handle);
    if (base->loop == nullptr) return;  // never came to be used
    base->data = handles;
    uv_close(base, [](uv_handle_t* closed) {
      auto* const all = static_cast<Handles*>(closed->data);
      if (--all->open == 0) delete all;
    });
  };
  close_one(handles->worker_control);
  close_one(handles->worker_exit);
  close_one(handles->host_control);
  close_one(handles->host_exit);
  close_one(handles->timer);
  for (Child* child : children()) {
    child->from_child.reset();
    child->process.exit_notice.reset();
  }
  to_worker_.reset();
}

}  // namespace

Result<std::unique_ptr<WorkerRunner>> WorkerRunner::start(uv_loop_t& loop, const std::string& worker_program,
                                                          const std::string& vision_program, const WorkerSpec& spec,
                                                          WorkerCallbacks callbacks) {
  auto runner = std::make_unique<Runner>(loop, spec, std::move(callbacks));
  PROXIMA_TRY(runner->launch(worker_program, vision_program));
  return std::unique_ptr<WorkerRunner>(std::move(runner));
}

protocol::Isolation measure_isolation(const std::string& worker_program) {
  auto child = spawn_child(worker_program, {worker_program, "--self-test"}, {}, {"LC_ALL=C"});
  if (!child) return protocol::Isolation::none;
  pollfd exit{child->exit_notice.get(), POLLIN, 0};
  if (poll(&exit, 1, self_test_limit_ms) != 1) kill(child->pid, SIGKILL);
  int status = 0;
  if (waitpid(child->pid, &status, 0) != child->pid || !WIFEXITED(status)) return protocol::Isolation::none;
  switch (WEXITSTATUS(status)) {
    case self_test_full: return protocol::Isolation::full;
    case self_test_process: return protocol::Isolation::process;
    default: return protocol::Isolation::none;
  }
}

}  // namespace proxima::agent

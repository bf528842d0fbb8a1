// The shared memory and the doorbells between an agent, a task's worker and its host-function process.
// The agent makes the memory (a memfd of sealed size) and the pipes; whoever maps the memory owns its own mapping. Each
// side uses its mapping on one thread.
//
// A doorbell is a pipe each way. There and back through an epoll loop it takes 9 µs; a socket pair takes 13, two eventfds
// 8, but those show nobody's death, and a hostile holder could make its other holder block.
//
// Everything that a worker or a host-function process writes is hostile to its reader: a field is an atomic that is read
// once, into a variable, and clamped there; an offset is never read from the memory at all.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace proxima::worker {

inline constexpr std::size_t frame_slots = 2;         // one frame runs, one more may wait
inline constexpr std::size_t text_room = 200;
inline constexpr std::size_t log_room = 2048;         // of one frame; more is cut
inline constexpr std::size_t call_name_room = 32;
inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t call_input_bytes = 4U << 20U;
inline constexpr std::size_t call_output_bytes = 64U << 10U;

/// One side of a doorbell: descriptors that stay their owner's.
struct Doorbell {
  int in = -1;
  int out = -1;
};

/// One byte a message on a doorbell. Whoever rings ignores SIGPIPE.
enum class Bell : std::uint8_t {
  frame = 'w',           ///< agent → worker: the next slot holds a frame
  sealed_process = 'p',  ///< child → agent: shut in, but without seccomp; comes before any hostile byte is touched
  sealed_full = 'f',     ///< child → agent: shut in by seccomp too
  ready = 'r',           ///< worker → agent: on_open has returned
  done = 'd',            ///< worker → agent: the oldest outstanding frame is answered
  call = 'c',            ///< worker → host function process: a call lies in the memory
  answer = 'a',          ///< host function process → worker
};

/// Why a child ended itself. Numbers are part of the memory's layout.
enum class FarewellKind : std::uint32_t { none = 0, trap = 1, forbidden_call = 2, out_of_memory = 3, refused = 4, overrun = 5 };

/// A child's last words, written before it exits.
struct Farewell {
  std::atomic<std::uint32_t> kind;
  std::atomic<std::int32_t> call_number;     ///< forbidden_call
  std::atomic<std::uint32_t> foreign_call;   ///< forbidden_call: 1 if made through another architecture's entry
  std::atomic<std::uint32_t> text_bytes;     ///< trap, refused, overrun
  std::array<char, text_room> text;
};

/// What a child needs to shut itself in. Written by the agent before the start.
struct ChildSettings {
  std::uint32_t parent_pid;
  std::uint32_t user_seed;                   ///< picks the user id, when started as root
};

/// Written by the agent before the start.
struct TaskSettings {
  ChildSettings child;
  std::uint32_t memory_mib;
  std::uint32_t cpu_percent;
  std::uint32_t input_bytes;                 ///< room of one input slot
  std::uint32_t output_bytes;                ///< room of one output slot
  std::uint32_t format;                      ///< of the stream: protocol::FrameFormat
  std::uint32_t width;
  std::uint32_t height;
};

/// Written by the agent before each Bell::frame.
struct FrameSlot {
  std::uint32_t bytes;
  std::uint32_t format;
  std::uint32_t width;
  std::uint32_t height;
};

/// Written by the worker before each Bell::done.
struct AnswerSlot {
  std::atomic<std::uint32_t> failed;         ///< 1: the task said so
  std::atomic<std::int32_t> code;
  std::atomic<std::uint32_t> output_bytes;
  std::atomic<std::uint64_t> cpu_ns;         ///< of the worker and its host-function process, since the last answer
  std::atomic<std::uint32_t> log_bytes;
  std::array<char, log_room> log;            ///< lines that end in '\n', each led by its level's digit
};

inline constexpr std::uint32_t channel_magic = 0x31435850;  // "PXC1"

/// The head of a task's memory; input and output slots follow it.
struct TaskChannel {
  std::uint32_t magic;
  TaskSettings settings;
  alignas(64) std::array<FrameSlot, frame_slots> frames;
  alignas(64) std::array<AnswerSlot, frame_slots> answers;
  alignas(64) Farewell farewell;
};

/// The head of the memory between a worker and its host-function process; one input and one output area follow it.
struct CallChannel {
  std::uint32_t magic;
  ChildSettings settings;
  alignas(64) std::array<char, call_name_room> function;  ///< written by the worker, ends in 0
  std::atomic<std::uint32_t> input_bytes;                 ///< written by the worker
  std::atomic<std::uint32_t> output_room;                 ///< written by the worker
  alignas(64) std::atomic<std::int32_t> status;           ///< bytes written, or −1, −2 as HostCalls::call says
  std::atomic<std::uint64_t> cpu_ns;                      ///< that the call took in the host-function process
  alignas(64) Farewell farewell;                          ///< of the host-function process
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the memory is shared between processes");

[[nodiscard]] constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

/// Where the slots of a task's memory lie. Computed on each side from what it was given, never read from the memory.
struct TaskLayout {
  std::size_t input_bytes = 0;
  std::size_t output_bytes = 0;

  [[nodiscard]] static constexpr std::size_t head() { return whole_pages(sizeof(TaskChannel)); }
  [[nodiscard]] constexpr std::size_t input_at(std::size_t slot) const { return head() + slot * whole_pages(input_bytes); }
  [[nodiscard]] constexpr std::size_t output_at(std::size_t slot) const {
    return input_at(frame_slots) + slot * whole_pages(output_bytes);
  }
  [[nodiscard]] constexpr std::size_t total() const { return output_at(frame_slots); }
};

inline constexpr std::size_t call_head = whole_pages(sizeof(CallChannel));
inline constexpr std::size_t call_input_at = call_head;
inline constexpr std::size_t call_output_at = call_input_at + call_input_bytes;
inline constexpr std::size_t call_total = call_output_at + call_output_bytes;

/// A mapping of a memfd, shared and writable. Movable; unmaps itself.
class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();
  /// Maps `bytes` of `fd` (which stays the caller's); an empty object where that fails (errno says why) or the file is smaller.
  static SharedMemory map(int fd, std::size_t bytes);
  [[nodiscard]] explicit operator bool() const { return base_ != nullptr; }
  [[nodiscard]] std::uint8_t* at(std::size_t offset) const { return base_ + offset; }

 private:
  std::uint8_t* base_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Sends one byte; false if the other end is gone.
[[nodiscard]] bool ring(const Doorbell& doorbell, Bell bell);
/// Waits for one byte; false if the other end is gone.
[[nodiscard]] bool await_bell(const Doorbell& doorbell, Bell& bell);

/// Leaves last words; control characters become '?', what is too long is cut. Safe in a signal handler.
void say_farewell(Farewell& farewell, FarewellKind kind, std::string_view text);

/// "socket"; empty where this architecture has no call of that number.
[[nodiscard]] std::string_view system_call_name(std::int32_t number);

}  // namespace proxima::worker

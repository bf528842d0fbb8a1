// Misbehaves in the way that the first byte of the frame asks for (hostile.hpp).
#include "hostile.hpp"

#include <array>
#include <cstdint>
#include <limits>

#include "proxima/guest.hpp"

namespace {

volatile std::int32_t zero = 0;
volatile std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
volatile std::int32_t minus_one = -1;
volatile float not_a_number = std::numeric_limits<float>::quiet_NaN();
volatile std::uint32_t sink = 0;
volatile bool for_ever = true;
std::uint8_t* volatile taken = nullptr;

std::uint8_t* at(std::uint32_t address) { return reinterpret_cast<std::uint8_t*>(address); }

/// Calls itself on the processor's stack alone.
__attribute__((noinline)) std::uint32_t recurse(std::uint32_t depth) {
  sink = depth;
  const std::uint32_t deeper = for_ever ? recurse(depth + 1) : 0;
  return deeper + sink;
}

/// Calls itself with an array in linear memory.
__attribute__((noinline)) std::uint32_t recurse_with_array(std::uint32_t depth) {
  volatile std::uint32_t room[256] = {};
  room[depth % 256] = depth;
  const std::uint32_t deeper = for_ever ? recurse_with_array(depth + 1) : 0;
  return deeper + room[depth % 256];
}

double takes_nothing() { return 1.5; }
double (*volatile wrong_function)() = takes_nothing;

void answer(std::uint32_t value) { proxima::guest::output(&value, sizeof value); }

std::uint32_t grow_to_the_end() {
  std::uint32_t pages = 0;
  while (__builtin_wasm_memory_grow(0, 1) != static_cast<std::size_t>(-1)) ++pages;
  return pages;
}

class Hostile {
 public:
  int on_open(const proxima::guest::Shape& input) { return input.width == hostile::refused_width ? 102 : 0; }

  int on_frame(const proxima::guest::Frame& frame) {
    if (frame.size == 0) return 0;
    switch (static_cast<hostile::Deed>(frame.data[0])) {
      case hostile::unreachable: __builtin_trap();
      case hostile::read_beyond: sink = *static_cast<volatile std::uint8_t*>(at(0x7ffffff0)); break;
      case hostile::write_beyond: *static_cast<volatile std::uint8_t*>(at(0xffffffff)) = 1; break;
      case hostile::write_just_beyond:
        *static_cast<volatile std::uint8_t*>(at(__builtin_wasm_memory_size(0) * 65536)) = 1;
        break;
      case hostile::divide_by_zero: sink = static_cast<std::uint32_t>(lowest / zero); break;
      case hostile::divide_overflow: sink = static_cast<std::uint32_t>(lowest / minus_one); break;
      case hostile::convert: sink = static_cast<std::uint32_t>(__builtin_wasm_trunc_s_i32_f32(not_a_number)); break;
      case hostile::wrong_call: return reinterpret_cast<int (*)(int)>(wrong_function)(3);
      case hostile::stack: answer(recurse(0)); break;
      case hostile::shadow_stack: answer(recurse_with_array(0)); break;
      case hostile::output_outside: proxima::guest::output(at(0xfffffff0), 100); break;
      case hostile::output_too_large: proxima::guest::output(at(1024), (64U << 10U) + 1); break;
      case hostile::task_trap: proxima::guest::trap(101);
      case hostile::loop: while (true) sink = sink + 1;
      case hostile::fail: return 7;
      case hostile::out_of_memory: taken = new std::uint8_t[64U << 20U]; break;
      case hostile::grow_4_gib: answer(static_cast<std::uint32_t>(__builtin_wasm_memory_grow(0, 65536))); break;
      case hostile::grow_all: answer(grow_to_the_end()); break;
      case hostile::count: answer(++count_); break;
      case hostile::log: proxima::guest::log(proxima::guest::Level::warning, "one\ntwo\x1b[31m three"); break;
      case hostile::log_outside: proxima_log(1, reinterpret_cast<const char*>(at(0xfffffff0)), 0xffffffff); break;
      case hostile::now: answer(static_cast<std::uint32_t>(proxima::guest::now_ns())); break;
      case hostile::people: {
        std::array<std::uint8_t, 16> room{};
        answer(static_cast<std::uint32_t>(proxima::guest::hog_people(frame.data, frame.size, room.data(), room.size())));
        break;
      }
      case hostile::silent: break;
    }
    return 0;
  }

  void on_close() { proxima::guest::log(proxima::guest::Level::info, "closed"); }

 private:
  std::uint32_t count_ = 0;
};

}  // namespace

PROXIMA_TASK(Hostile)

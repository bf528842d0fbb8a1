// What the hostile guest can be asked to do; shared by it and the tests that ask.
#pragma once

#include <cstdint>

namespace hostile {

inline constexpr std::uint32_t refused_width = 13;  // on_open fails for it

enum Deed : std::uint8_t {
  unreachable = 1,
  read_beyond,
  write_beyond,
  write_just_beyond,
  divide_by_zero,
  divide_overflow,
  convert,
  wrong_call,
  stack,
  shadow_stack,
  output_outside,
  output_too_large,
  task_trap,
  loop,
  fail,
  out_of_memory,
  grow_4_gib,
  grow_all,
  count,
  log,
  log_outside,
  now,
  people,
  silent,
};

}  // namespace hostile

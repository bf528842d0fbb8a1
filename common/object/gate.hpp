// The gate between a native object's bytes and dlopen(): reads the ELF file itself and lets through only what the
// builder makes. Pure; the builder asks it about what it made, the worker about what it is given. Any thread.
#pragma once

#include <cstdint>
#include <span>

#include "common/base/result.hpp"

namespace proxima::object {

/// Processors that objects are made for, by their ELF number.
enum class Machine : std::uint16_t { arm = 40, x86_64 = 62, aarch64 = 183, riscv64 = 243 };

/// The processor that this program was compiled for; 0 if none of the list.
[[nodiscard]] Machine this_machine();

/// Passes a shared object for `machine` that has exactly one dynamic symbol, `proxima_object_v1`, needs no library and
/// no symbol, runs no code when loaded or unloaded (no initialisers, no resolvers) and asks the loader for relative
/// relocations inside its own writable segments only. The failure names the first thing that is different.
Result<void> check(std::span<const std::uint8_t> bytes, Machine machine);

}  // namespace proxima::object

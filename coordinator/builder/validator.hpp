// Reads a module before any other program does, and lets through only what tasks need: few, known imports, one bounded
// memory, no start function, and sizes that neither translator nor compiler can be drowned with. Types inside function
// bodies are checked by the translator, which validates again. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::builder {

/// Bounds of a module. The manifest bounds its memory.
namespace module_limits {
inline constexpr std::uint32_t types = 1024;
inline constexpr std::uint32_t parameters = 32;
inline constexpr std::uint32_t imports = 32;
inline constexpr std::uint32_t functions = 8192;
inline constexpr std::uint32_t globals = 1024;
inline constexpr std::uint32_t exports = 64;
inline constexpr std::uint32_t name_bytes = 63;
inline constexpr std::uint32_t table_elements = 16384;
inline constexpr std::uint32_t element_segments = 256;
inline constexpr std::uint32_t data_segments = 1024;
inline constexpr std::uint32_t body_bytes = 128U << 10U;
inline constexpr std::uint32_t code_bytes = 1U << 20U;
inline constexpr std::uint32_t locals = 2048;
inline constexpr std::uint32_t nesting = 128;  // wasm2c runs out of its own stack above 200
inline constexpr std::uint32_t branch_targets = 4096;       // of one br_table
inline constexpr std::uint32_t branch_targets_all = 65536;  // of a function's br_tables together
inline constexpr std::uint32_t sections = 64;
}  // namespace module_limits

/// What the builder and the coordinator want to know about a module that passed.
struct ModuleFacts {
  std::uint32_t memory_pages = 0;      ///< at the start, 64 KiB each
  std::uint32_t memory_max_pages = 0;  ///< what it declares
  std::uint32_t functions = 0;         ///< of its own
  std::vector<std::string> groups;     ///< host function groups it imports from, besides "task": "vision"
};

/// Passes or names the first thing that is wrong, with its byte offset. `memory_mib` is the manifest's.
Result<ModuleFacts> validate(std::span<const std::uint8_t> module, std::uint32_t memory_mib);

}  // namespace proxima::builder

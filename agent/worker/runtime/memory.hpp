// The linear memory of one guest: reserved once, opened page by page, never moved. Owned by its Guest, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/base/result.hpp"
#include "common/object/object_abi.h"

namespace proxima::worker {

inline constexpr std::uint64_t wasm_page_bytes = 65536;

class LinearMemory {
 public:
  /// Reserves room for `max_pages`: in guard mode all that a 32-bit address plus a 32-bit offset can reach.
  static Result<std::unique_ptr<LinearMemory>> reserve(proxima_memory_mode mode, std::uint64_t max_pages);
  ~LinearMemory();
  LinearMemory(const LinearMemory&) = delete;
  LinearMemory& operator=(const LinearMemory&) = delete;

  /// Opens the first pages and fills in the descriptor that generated code works with; false: not possible.
  [[nodiscard]] bool open(proxima_memory& memory, std::uint64_t initial_pages, std::uint64_t max_pages);
  /// Opens `pages` more; returns the size before, UINT64_MAX if there is no room. One mprotect, nothing else.
  [[nodiscard]] std::uint64_t grow(proxima_memory& memory, std::uint64_t pages) const;
  /// True for an address of the reservation, mapped or not.
  [[nodiscard]] bool covers(std::uintptr_t address) const {
    const auto base = reinterpret_cast<std::uintptr_t>(base_);
    return address >= base && address - base < reserved_;
  }

 private:
  LinearMemory(std::uint8_t* base, std::size_t reserved, std::uint64_t max_pages)
      : base_(base), reserved_(reserved), max_pages_(max_pages) {}

  std::uint8_t* base_;
  std::size_t reserved_;
  std::uint64_t max_pages_;
};

}  // namespace proxima::worker

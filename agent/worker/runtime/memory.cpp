#include "agent/worker/runtime/memory.hpp"

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <sys/mman.h>

namespace proxima::worker {

Result<std::unique_ptr<LinearMemory>> LinearMemory::reserve(proxima_memory_mode mode, std::uint64_t max_pages) {
  if (max_pages == 0 || max_pages > 65536) return fail("cannot reserve memory", "the module declares a senseless size");
  std::uint64_t bytes = (max_pages + 1) * wasm_page_bytes;
  if (mode == PROXIMA_MEMORY_GUARD_PAGES) bytes = (std::uint64_t{8} << 30U) + wasm_page_bytes;
  if (bytes > std::numeric_limits<std::size_t>::max())
    return fail("cannot reserve memory", "this machine's addresses are too short for guard pages");
  void* base = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
  if (base == MAP_FAILED)
    return fail("cannot reserve " + std::to_string(bytes >> 20U) + " MiB of addresses", std::strerror(errno),
                "lift the limit on address space (ulimit -v)");
  return std::unique_ptr<LinearMemory>(
      new LinearMemory(static_cast<std::uint8_t*>(base), static_cast<std::size_t>(bytes), max_pages));
}

LinearMemory::~LinearMemory() { munmap(base_, reserved_); }

bool LinearMemory::open(proxima_memory& memory, std::uint64_t initial_pages, std::uint64_t max_pages) {
  if (max_pages != max_pages_ || initial_pages > max_pages) return false;
  const std::uint64_t bytes = initial_pages * wasm_page_bytes;
  if (bytes != 0 && mprotect(base_, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE) != 0) return false;
  memory.data = base_;
  memory.data_end = base_ + bytes;
  memory.page_size = wasm_page_bytes;
  memory.pages = initial_pages;
  memory.max_pages = max_pages;
  memory.size = bytes;
  memory.is64 = 0;
  return true;
}

std::uint64_t LinearMemory::grow(proxima_memory& memory, std::uint64_t pages) const {
  constexpr std::uint64_t refused = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t before = memory.pages;
  if (pages > max_pages_ - before) return refused;
  if (pages == 0) return before;
  if (mprotect(base_ + memory.size, static_cast<std::size_t>(pages * wasm_page_bytes), PROT_READ | PROT_WRITE) != 0)
    return refused;
  memory.pages = before + pages;
  memory.size = memory.pages * wasm_page_bytes;
  memory.data_end = base_ + memory.size;
  return before;
}

}  // namespace proxima::worker

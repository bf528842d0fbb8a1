#include "agent/io/idle_memory.hpp"

#include <cstddef>
#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace proxima::agent {
namespace {

int drop_constant_pages(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_filesz;
    (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // a refusal leaves all as it is
  }
  return 0;
}

}  // namespace

void give_back_idle_memory() {
  malloc_trim(0);
  dl_iterate_phdr(drop_constant_pages, nullptr);
}

}  // namespace proxima::agent

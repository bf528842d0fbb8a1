// Linked into every task: closes the last doors through which the C library would ask the host for files, and ends a
// task that cannot go on with one named trap. Compiled for wasm32 only.
#include <cstdint>
#include <cstdlib>
#include <new>

#include "proxima/guest.hpp"

#if defined(__wasm__)
namespace {

[[noreturn]] void end(proxima::guest::Trap why) { proxima_trap(static_cast<std::int32_t>(why)); }

void* take(std::size_t bytes) {
  void* memory = std::malloc(bytes != 0 ? bytes : 1);
  if (memory == nullptr) end(proxima::guest::Trap::out_of_memory);
  return memory;
}

void* take(std::size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  const std::size_t rounded = (bytes + align - 1) / align * align;
  void* memory = rounded < bytes ? nullptr : std::aligned_alloc(align, rounded != 0 ? rounded : align);
  if (memory == nullptr) end(proxima::guest::Trap::out_of_memory);
  return memory;
}

}  // namespace

extern "C" {
// The back ends of stdin, stdout and stderr in wasi-libc: what is written to them is dropped.
struct proxima_file;
std::size_t __stdio_write(proxima_file*, const unsigned char*, std::size_t length) { return length; }
std::size_t __stdout_write(proxima_file*, const unsigned char*, std::size_t length) { return length; }
long long __stdio_seek(proxima_file*, long long, int) { return -1; }
int __stdio_close(proxima_file*) { return 0; }

// A task never exits, so that nothing runs at exit.
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }

void abort() { end(proxima::guest::Trap::aborted); }
[[noreturn]] void abort_message(const char*, ...) { end(proxima::guest::Trap::aborted); }
[[noreturn]] void __cxa_pure_virtual() { end(proxima::guest::Trap::pure_virtual); }
[[noreturn]] void __assert_fail(const char*, const char*, int, const char*) { end(proxima::guest::Trap::assertion); }
}

void* operator new(std::size_t bytes) { return take(bytes); }
void* operator new[](std::size_t bytes) { return take(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return take(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return take(bytes, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

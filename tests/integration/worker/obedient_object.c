/* A native object with the builder's interface, written by hand: the first byte of a frame says what it does. Stands for a
 * task whose wasm sandbox was broken, so it makes system calls of its own. */
#include <stdint.h>

#include <sys/syscall.h>

#include "common/object/object_abi.h"

enum { pages = 80, frame_at = 65536, page_bytes = 65536 };

struct instance {
  struct proxima_memory memory;
  void* host;
  uint32_t frames;
};

static const struct proxima_runtime* runtime;
static volatile uintptr_t nowhere = 8; /* volatile: compilers refuse to write to a place that they know to be none */

/* Not through the C library: it is not linked, and a hostile task would not ask it either. */
static long system_call6(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "this test's objects know x86-64 and aarch64"
#endif
}

static long system_call(long number, long a, long b, long c, long d) { return system_call6(number, a, b, c, d, 0, 0); }

static void bind_runtime(const struct proxima_runtime* given) {
  runtime = given;
#ifdef HOSTILE_BIND
  system_call(SYS_socket, 2, 1, 0, 0);
#endif
}

static void instantiate(void* instance, void* host) {
  struct instance* self = instance;
  self->host = host;
  runtime->memory_allocate(&self->memory, pages, pages);
}

static void destroy(void* instance) { (void)instance; }
static struct proxima_memory* memory(void* instance) { return &((struct instance*)instance)->memory; }

static void initialize(void* instance) {
  (void)instance;
#ifdef HOSTILE_START
  system_call(SYS_openat, -100, (long)"/etc/passwd", 0, 0);
#endif
}

static uint32_t abi_version(void* instance) { (void)instance; return 1; }

static uint32_t frame_buffer(void* instance, uint32_t length) {
  (void)instance;
  return length <= (pages - 2) * page_bytes ? frame_at : 0;
}

static uint32_t on_open(void* instance, uint32_t format, uint32_t width, uint32_t height) {
  (void)instance, (void)format, (void)height;
  if (width == 1) return 9;
  if (width == 2) runtime->trap(PROXIMA_TRAP_UNREACHABLE);
  while (width == 3) { __asm__ volatile(""); }
  return 0;
}

/* The code is the kernel's answer: 12 (ENOMEM) where it keeps to the limit. */
static uint32_t take_a_gibibyte(void) {
  const long got = system_call6(SYS_mmap, 0, 1L << 30, 3, 0x22, -1, 0);
  return got < 0 && got > -4096 ? (uint32_t)-got : 0;
}

static void burn(void) {
  for (volatile uint32_t i = 0; i < 3000000; ++i) { }
}

static void misbehave(uint8_t what, uint8_t* bytes) {
  switch (what) {
    case 'o': system_call(SYS_openat, -100, (long)"/etc/passwd", 0, 0); break;
    case 's': system_call(SYS_socket, 2, 1, 0, 0); break;
    case 'x': system_call(SYS_execve, (long)"/bin/true", 0, 0, 0); break;
    case 'p': system_call(SYS_ptrace, 0, 0, 0, 0); break;
    case 'k': system_call(SYS_kill, 1, 9, 0, 0); break;
    case 'a': system_call(SYS_rt_sigaction, 31, 0, 0, 8); break;
    case 'b': system_call(SYS_rt_sigprocmask, 0, 0, 0, 8); break;
    case 'c': system_call(SYS_clone, 0, 0, 0, 0); break;
    case 'm': system_call(SYS_mprotect, (long)bytes & -4096L, 4096, 7, 0); break;
    case 'w': system_call(SYS_write, 1, (long)bytes, 1, 0); break;
    case 'n': system_call(9999, 0, 0, 0, 0); break;
    case 'q': system_call(SYS_exit_group, 5, 0, 0, 0); break;
    case 't': runtime->trap(PROXIMA_TRAP_OOB); break;
    case 'u': *(volatile uint8_t*)(bytes - frame_at + (uint64_t)pages * page_bytes) = 1; break;
    case 'd': *(volatile uint8_t*)(uintptr_t)nowhere = 1; break;
    case 'y': __builtin_trap();
    case 'l': for (;;) { __asm__ volatile(""); }
    default: break;
  }
}

/* 'e' echoes, 'f' fails with 7, 'i' counts, 'z' burns CPU, 'g' logs, 'v' wants memory, 'h' asks for people, the rest misbehaves. */
static uint32_t on_frame(void* instance, uint32_t length, uint32_t format, uint32_t width, uint32_t height) {
  struct instance* self = instance;
  uint8_t* const bytes = self->memory.data + frame_at;
  const uint8_t what = length == 0 ? 'i' : bytes[0];
  (void)format, (void)width, (void)height;
  ++self->frames;
  if (what == 'e') runtime->output(self->host, frame_at, length < 65536 ? length : 65536);
  if (what == 'f') return 7;
  if (what == 'z') burn();
  if (what == 'v') return take_a_gibibyte();
  if (what == 'g') runtime->log(self->host, 2, frame_at + 1, length - 1);
  if (what == 'i') {
    self->memory.data[0] = (uint8_t)self->frames;
    runtime->output(self->host, 0, 1);
  }
  if (what == 'h') {
    const int32_t got = (int32_t)runtime->hog_people(self->host, frame_at + 1, length - 1, 0, 32768);
    if (got < 0) return (uint32_t)got;
    runtime->output(self->host, 0, (uint32_t)got);
  }
  misbehave(what, bytes);
  return 0;
}

static void on_close(void* instance) { (void)instance; }

__attribute__((visibility("default"))) const struct proxima_object proxima_object_v1 = {
    PROXIMA_OBJECT_MAGIC,
    PROXIMA_OBJECT_ABI,
    sizeof(struct proxima_object),
    PROXIMA_MEMORY_CONSTANT_MAX,
    pages,
    sizeof(struct instance),
    bind_runtime,
    instantiate,
    destroy,
    memory,
    initialize,
    abi_version,
    frame_buffer,
    on_open,
    on_frame,
    on_close,
};

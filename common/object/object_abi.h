/* The binary interface between a task's native object and the worker that loads it. C, because the generated code is
 * C; compiled into each object by the builder and into the worker's runtime. Change PROXIMA_OBJECT_ABI with the layout.
 *
 * An object has one dynamic symbol, `proxima_object_v1`, and needs none: all that it calls comes through `bind`. */
#ifndef PROXIMA_COMMON_OBJECT_OBJECT_ABI_H
#define PROXIMA_COMMON_OBJECT_OBJECT_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROXIMA_OBJECT_MAGIC UINT32_C(0x314f5850) /* "PXO1" */
#define PROXIMA_OBJECT_ABI UINT32_C(1)
#define PROXIMA_OBJECT_SYMBOL "proxima_object_v1"

/* How the generated code keeps within its memory. */
enum proxima_memory_mode {
  PROXIMA_MEMORY_GUARD_PAGES = 0, /* no checks: the runtime reserves all that an access can reach */
  PROXIMA_MEMORY_CONSTANT_MAX = 1 /* checks against the declared maximum; above the current size nothing is mapped */
};

/* Why a task was stopped from inside. The first seven are those of the generated code. */
enum proxima_trap {
  PROXIMA_TRAP_NONE = 0,
  PROXIMA_TRAP_OOB = 1,
  PROXIMA_TRAP_INT_OVERFLOW = 2,
  PROXIMA_TRAP_DIV_BY_ZERO = 3,
  PROXIMA_TRAP_INVALID_CONVERSION = 4,
  PROXIMA_TRAP_UNREACHABLE = 5,
  PROXIMA_TRAP_CALL_INDIRECT = 6,
  PROXIMA_TRAP_STACK = 7,
  PROXIMA_TRAP_HOST_RANGE = 8,   /* gave a host function an address outside its memory */
  PROXIMA_TRAP_OUTPUT = 9,       /* output larger than a result may be */
  PROXIMA_TRAP_TASK = 10         /* the task called trap() */
};

/* A module's linear memory. `data` never moves; `size` is in bytes. */
struct proxima_memory {
  uint8_t* data;
  uint8_t* data_end;
  uint64_t page_size;
  uint64_t pages;
  uint64_t max_pages;
  uint64_t size;
  uint8_t is64;
};

/* What the worker offers. Each pointer is set. `host` is what instantiate() was given. */
struct proxima_runtime {
  uint32_t bytes; /* sizeof(struct proxima_runtime) */
  void (*trap)(uint32_t why);
  void (*memory_allocate)(struct proxima_memory* memory, uint64_t initial_pages, uint64_t max_pages);
  uint64_t (*memory_grow)(struct proxima_memory* memory, uint64_t pages); /* old size, UINT64_MAX: refused */
  void* (*table_allocate)(uint64_t elements, size_t element_bytes);       /* zeroed; ends the process if it cannot */
  void (*table_free)(void* table);
  void* (*memory_copy)(void* to, const void* from, size_t bytes);
  void* (*memory_move)(void* to, const void* from, size_t bytes);
  void* (*memory_set)(void* to, int value, size_t bytes);
  int (*memory_compare)(const void* a, const void* b, size_t bytes);
  double (*round_up)(double);
  double (*round_down)(double);
  double (*round_to_zero)(double);
  double (*round_to_even)(double);
  float (*round_up_f)(float);
  float (*round_down_f)(float);
  float (*round_to_zero_f)(float);
  float (*round_to_even_f)(float);
  /* proxima:task@1 */
  void (*output)(void* host, uint32_t address, uint32_t length);
  void (*log)(void* host, uint32_t level, uint32_t address, uint32_t length);
  uint64_t (*now_ns)(void* host);
  void (*task_trap)(void* host, uint32_t code);
  /* proxima:vision@1 */
  uint32_t (*hog_people)(void* host, uint32_t in, uint32_t in_length, uint32_t out, uint32_t out_capacity);
};

/* What an object offers. Functions that run the task may leave through runtime.trap(), which does not return. */
struct proxima_object {
  uint32_t magic;
  uint32_t abi;
  uint32_t bytes;          /* sizeof(struct proxima_object) */
  uint32_t memory_mode;    /* enum proxima_memory_mode */
  uint32_t memory_max_pages;
  uint32_t instance_bytes; /* zeroed room that instantiate() needs */
  void (*bind)(const struct proxima_runtime* runtime);
  void (*instantiate)(void* instance, void* host);
  void (*destroy)(void* instance);
  struct proxima_memory* (*memory)(void* instance);
  void (*initialize)(void* instance);
  uint32_t (*abi_version)(void* instance);
  uint32_t (*frame_buffer)(void* instance, uint32_t length);
  uint32_t (*on_open)(void* instance, uint32_t format, uint32_t width, uint32_t height);
  uint32_t (*on_frame)(void* instance, uint32_t length, uint32_t format, uint32_t width, uint32_t height);
  void (*on_close)(void* instance);
};

#ifdef __cplusplus
}
#endif

#endif

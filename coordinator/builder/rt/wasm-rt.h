/* What wasm2c's generated C expects of its runtime, given by ours: every call goes through the table that the worker
 * hands to bind(). Compiled into each object, nowhere else. */
#ifndef PROXIMA_WASM_RT_H
#define PROXIMA_WASM_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "object_abi.h"

#if !defined(PROXIMA_MEMORY_MODE) || !defined(PROXIMA_MAX_BYTES)
#error "the builder defines PROXIMA_MEMORY_MODE and PROXIMA_MAX_BYTES"
#endif

#define WABT_BIG_ENDIAN 0
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "big-endian targets are not supported"
#endif

#define WASM_RT_MEMCHECK_GUARD_PAGES (PROXIMA_MEMORY_MODE == 0)
#define WASM_RT_STACK_DEPTH_COUNT 0
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_SANITY_CHECKS 0

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define wasm_rt_memcpy(to, from, bytes) __builtin_memcpy(to, from, bytes)

typedef struct proxima_memory wasm_rt_memory_t;
typedef const char* wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void** instance, void* stack, struct wasm_rt_tailcallee_t* next);
} wasm_rt_tailcallee_t;
typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void* module_instance;
} wasm_rt_funcref_t;
typedef struct {
  wasm_rt_funcref_t* data;
  uint32_t size;
  uint32_t max_size;
} wasm_rt_funcref_table_t;
typedef void* wasm_rt_externref_t;
typedef struct {
  wasm_rt_externref_t* data;
  uint32_t size;
  uint32_t max_size;
} wasm_rt_externref_table_t;

static const wasm_rt_funcref_t wasm_rt_funcref_null_value;
static const wasm_rt_externref_t wasm_rt_externref_null_value;

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64, WASM_RT_V128 } wasm_rt_type_t;

#define WASM_RT_TRAP_OOB PROXIMA_TRAP_OOB
#define WASM_RT_TRAP_INT_OVERFLOW PROXIMA_TRAP_INT_OVERFLOW
#define WASM_RT_TRAP_DIV_BY_ZERO PROXIMA_TRAP_DIV_BY_ZERO
#define WASM_RT_TRAP_INVALID_CONVERSION PROXIMA_TRAP_INVALID_CONVERSION
#define WASM_RT_TRAP_UNREACHABLE PROXIMA_TRAP_UNREACHABLE
#define WASM_RT_TRAP_CALL_INDIRECT PROXIMA_TRAP_CALL_INDIRECT
#define WASM_RT_TRAP_EXHAUSTION PROXIMA_TRAP_STACK

static const struct proxima_runtime* px_runtime;

static inline bool wasm_rt_is_initialized(void) { return true; }

__attribute__((noreturn, cold, noinline)) static void wasm_rt_trap(uint32_t why) {
  px_runtime->trap(why);
  __builtin_unreachable();
}

static inline void wasm_rt_allocate_memory(wasm_rt_memory_t* memory, uint64_t initial, uint64_t max, bool is64,
                                           uint32_t page_size) {
  if (is64 || page_size != 65536) wasm_rt_trap(PROXIMA_TRAP_OOB);
  px_runtime->memory_allocate(memory, initial, max);
}

static inline uint64_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint64_t pages) {
  return px_runtime->memory_grow(memory, pages);
}

/* The reservation belongs to the runtime, which outlives the object's code. */
static inline void wasm_rt_free_memory(wasm_rt_memory_t* memory) { (void)memory; }

static inline void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t* table, uint32_t elements, uint32_t max) {
  table->data = (wasm_rt_funcref_t*)px_runtime->table_allocate(elements, sizeof(wasm_rt_funcref_t));
  table->size = elements;
  table->max_size = max;
}

static inline void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t* table) {
  px_runtime->table_free(table->data);
  table->data = NULL;
}

#endif

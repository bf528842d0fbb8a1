/* The frame around a task's generated code (task.c): binds it to the worker's runtime and exports one table. */
#include "task.c"

#include "bind.h" /* PX_HOSTS: one cast of `host` for each imported module, written by the builder */

#define PX_HIDDEN __attribute__((visibility("hidden"), used))

/* The compiler calls these by name; they must not be resolved by the dynamic linker. */
PX_HIDDEN void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
  return px_runtime->memory_copy(to, from, bytes);
}
PX_HIDDEN void* memmove(void* to, const void* from, size_t bytes) { return px_runtime->memory_move(to, from, bytes); }
PX_HIDDEN void* memset(void* to, int value, size_t bytes) { return px_runtime->memory_set(to, value, bytes); }
PX_HIDDEN int memcmp(const void* a, const void* b, size_t bytes) { return px_runtime->memory_compare(a, b, bytes); }
PX_HIDDEN double ceil(double x) { return px_runtime->round_up(x); }
PX_HIDDEN double floor(double x) { return px_runtime->round_down(x); }
PX_HIDDEN double trunc(double x) { return px_runtime->round_to_zero(x); }
PX_HIDDEN double nearbyint(double x) { return px_runtime->round_to_even(x); }
PX_HIDDEN float ceilf(float x) { return px_runtime->round_up_f(x); }
PX_HIDDEN float floorf(float x) { return px_runtime->round_down_f(x); }
PX_HIDDEN float truncf(float x) { return px_runtime->round_to_zero_f(x); }
PX_HIDDEN float nearbyintf(float x) { return px_runtime->round_to_even_f(x); }

struct w2c_proxima0x3Atask0x401;
struct w2c_proxima0x3Avision0x401;

PX_HIDDEN void w2c_proxima0x3Atask0x401_output(struct w2c_proxima0x3Atask0x401* host, u32 address, u32 length) {
  px_runtime->output(host, address, length);
}
PX_HIDDEN void w2c_proxima0x3Atask0x401_log(struct w2c_proxima0x3Atask0x401* host, u32 level, u32 address,
                                            u32 length) {
  px_runtime->log(host, level, address, length);
}
PX_HIDDEN u64 w2c_proxima0x3Atask0x401_now_ns(struct w2c_proxima0x3Atask0x401* host) {
  return px_runtime->now_ns(host);
}
PX_HIDDEN void w2c_proxima0x3Atask0x401_trap(struct w2c_proxima0x3Atask0x401* host, u32 code) {
  px_runtime->task_trap(host, code);
}
PX_HIDDEN u32 w2c_proxima0x3Avision0x401_hog_people(struct w2c_proxima0x3Avision0x401* host, u32 in, u32 in_length,
                                                    u32 out, u32 out_capacity) {
  return px_runtime->hog_people(host, in, in_length, out, out_capacity);
}

static void px_bind(const struct proxima_runtime* runtime) { px_runtime = runtime; }
static void px_instantiate(void* instance, void* host) {
  (void)host; /* a module may import nothing */
  wasm2c_task_instantiate((w2c_task*)instance PX_HOSTS);
}
static void px_destroy(void* instance) { wasm2c_task_free((w2c_task*)instance); }
static struct proxima_memory* px_memory(void* instance) { return w2c_task_memory((w2c_task*)instance); }
static void px_initialize(void* instance) { w2c_task_0x5Finitialize((w2c_task*)instance); }
static u32 px_abi_version(void* instance) { return w2c_task_proxima_abi((w2c_task*)instance); }
static u32 px_frame_buffer(void* instance, u32 length) { return w2c_task_frame_buffer((w2c_task*)instance, length); }
static u32 px_on_open(void* instance, u32 format, u32 width, u32 height) {
  return w2c_task_on_open((w2c_task*)instance, format, width, height);
}
static u32 px_on_frame(void* instance, u32 length, u32 format, u32 width, u32 height) {
  return w2c_task_on_frame((w2c_task*)instance, length, format, width, height);
}
static void px_on_close(void* instance) { w2c_task_on_close((w2c_task*)instance); }

__attribute__((visibility("default"))) const struct proxima_object proxima_object_v1 = {
    .magic = PROXIMA_OBJECT_MAGIC,
    .abi = PROXIMA_OBJECT_ABI,
    .bytes = sizeof(struct proxima_object),
    .memory_mode = PROXIMA_MEMORY_MODE,
    .memory_max_pages = PROXIMA_MAX_BYTES / 65536,
    .instance_bytes = sizeof(w2c_task),
    .bind = px_bind,
    .instantiate = px_instantiate,
    .destroy = px_destroy,
    .memory = px_memory,
    .initialize = px_initialize,
    .abi_version = px_abi_version,
    .frame_buffer = px_frame_buffer,
    .on_open = px_on_open,
    .on_frame = px_on_frame,
    .on_close = px_on_close,
};

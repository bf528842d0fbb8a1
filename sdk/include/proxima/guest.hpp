// The guest side of a Proxima task: write a class, register it with PROXIMA_TASK, compile it to wasm32. Compiled into
// the task; one thread, the host calls one function at a time. docs/tasks.md describes the binary interface exactly.
//
//   class Brightness {
//    public:
//     int on_open(const proxima::guest::Shape& input);        // 0: go on; anything else refuses the stream
//     int on_frame(const proxima::guest::Frame& frame);       // 0: good; anything else is the frame's failure code
//     void on_close();
//   };
//   PROXIMA_TASK(Brightness)
//
// State lives in the object and starts empty with each instance. Compiled natively, the same source calls the
// proxima_* functions below as ordinary ones, so that a task can be tried out and measured without a host.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__wasm__)
#define PROXIMA_GUEST_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define PROXIMA_GUEST_EXPORT(name) __attribute__((export_name(name), used, visibility("default")))
#else
#define PROXIMA_GUEST_IMPORT(module, name)
#define PROXIMA_GUEST_EXPORT(name)
#endif

extern "C" {
PROXIMA_GUEST_IMPORT("proxima:task@1", "output") void proxima_output(const void* bytes, std::uint32_t length);
PROXIMA_GUEST_IMPORT("proxima:task@1", "log")
void proxima_log(std::int32_t level, const char* text, std::uint32_t length);
PROXIMA_GUEST_IMPORT("proxima:task@1", "now_ns") std::uint64_t proxima_now_ns();
PROXIMA_GUEST_IMPORT("proxima:task@1", "trap") __attribute__((noreturn)) void proxima_trap(std::int32_t code);
PROXIMA_GUEST_IMPORT("proxima:vision@1", "hog_people")
std::int32_t proxima_hog_people(const void* jpeg, std::uint32_t length, void* boxes, std::uint32_t capacity);
}

namespace proxima::guest {

/// The numbers are those of the manifest's `format`.
enum class Format : std::uint32_t { bytes = 0, grey8 = 1, jpeg_grey = 2 };

/// Codes that the tool chain's own code ends a task with; a task's own codes start at 100.
enum class Trap : std::int32_t { aborted = 1, out_of_memory = 2, pure_virtual = 3, assertion = 4, frame_too_large = 5 };

/// What a stream or a frame looks like. Width and height are 0 where the format has none.
struct Shape {
  Format format = Format::bytes;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

/// One frame, in the guest's own memory; valid until on_frame returns.
struct Frame {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  Shape shape;
};

enum class Level : std::int32_t { debug = 0, info = 1, warning = 2, error = 3 };

/// Sets the answer to the frame at hand; the host copies it at once. A second call replaces the first. At most 64 KiB.
inline void output(const void* bytes, std::uint32_t length) { proxima_output(bytes, length); }

/// Writes a line to the instance's log; the host cuts it to 200 bytes.
inline void log(Level level, const char* text) {
  std::uint32_t length = 0;
  while (text[length] != '\0') ++length;
  proxima_log(static_cast<std::int32_t>(level), text, length);
}

/// Monotonic time in nanoseconds, from an unknown origin. A task that uses it is not reproducible.
[[nodiscard]] inline std::uint64_t now_ns() { return proxima_now_ns(); }

/// Ends the instance; its stream moves to another node.
[[noreturn]] inline void trap(std::int32_t code) { proxima_trap(code); }

/// People in a grey JPEG, as "boxes v1" (boxes.hpp). Returns the bytes written, or a negative status: −1 not a JPEG,
/// −2 this node has no `vision`, −3 the detector died. Needs `functions = ["vision"]` in the manifest.
[[nodiscard]] inline std::int32_t hog_people(const void* jpeg, std::uint32_t length, void* boxes,
                                             std::uint32_t capacity) {
  return proxima_hog_people(jpeg, length, boxes, capacity);
}

namespace detail {

/// Where the host puts frames: whole pages of its own, taken once and grown only for a larger frame.
class FrameBuffer {
 public:
  [[nodiscard]] std::uint8_t* room_for(std::uint32_t length) {
    if (length <= capacity_) return data_;
#if defined(__wasm__)
    constexpr std::uint32_t page = 65536;
    const std::uint32_t pages = length / page + (length % page != 0 ? 1 : 0);
    const std::size_t before = __builtin_wasm_memory_grow(0, pages);
    if (before == static_cast<std::size_t>(-1)) return nullptr;
    data_ = reinterpret_cast<std::uint8_t*>(before * page);
    capacity_ = pages * page;
    return data_;
#else
    return nullptr;
#endif
  }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::uint32_t capacity_ = 0;
};

[[nodiscard]] inline Shape shape_from(std::uint32_t format, std::uint32_t width, std::uint32_t height) {
  return Shape{static_cast<Format>(format), width, height};
}

}  // namespace detail
}  // namespace proxima::guest

#if defined(__wasm__)
/// Registers the one task of a module: exports the functions of the binary interface.
#define PROXIMA_TASK(Type)                                                                                             \
  static Type proxima_task_;                                                                                           \
  static ::proxima::guest::detail::FrameBuffer proxima_frame_;                                                         \
  extern "C" {                                                                                                         \
  PROXIMA_GUEST_EXPORT("proxima_abi") std::uint32_t proxima_export_abi() { return 1; }                                 \
  PROXIMA_GUEST_EXPORT("frame_buffer") void* proxima_export_frame_buffer(std::uint32_t length) {                       \
    return proxima_frame_.room_for(length);                                                                            \
  }                                                                                                                    \
  PROXIMA_GUEST_EXPORT("on_open")                                                                                      \
  std::int32_t proxima_export_on_open(std::uint32_t format, std::uint32_t width, std::uint32_t height) {               \
    return proxima_task_.on_open(::proxima::guest::detail::shape_from(format, width, height));                         \
  }                                                                                                                    \
  PROXIMA_GUEST_EXPORT("on_frame")                                                                                     \
  std::int32_t proxima_export_on_frame(std::uint32_t length, std::uint32_t format, std::uint32_t width,                \
                                       std::uint32_t height) {                                                         \
    if (length > proxima_frame_.capacity())                                                                            \
      ::proxima::guest::trap(static_cast<std::int32_t>(::proxima::guest::Trap::frame_too_large));                      \
    return proxima_task_.on_frame(                                                                                     \
        {proxima_frame_.data(), length, ::proxima::guest::detail::shape_from(format, width, height)});                 \
  }                                                                                                                    \
  PROXIMA_GUEST_EXPORT("on_close") void proxima_export_on_close() { proxima_task_.on_close(); }                        \
  }
#else
#define PROXIMA_TASK(Type)
#endif

// What the loop waits for: descriptors and one absolute point of time. Loop thread only.
#pragma once

#include <uv.h>

#include <functional>

#include "common/base/instant.hpp"
#include "sdk/netlab/io/fd.hpp"

namespace proxima::netlab {

/// The monotonic clock, read now.
[[nodiscard]] Instant monotonic_now();

/// Calls back while a descriptor is ready. The descriptor must outlive the watch. A watch must not be destroyed from
/// inside its own callback.
class Watch {
 public:
  using Callback = std::function<void(int events)>;  ///< UV_READABLE, UV_WRITABLE; both after an error

  Watch(uv_loop_t* loop, int fd, Callback callback);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The events to wait for from now on; 0 waits for none.
  void want(int events);

 private:
  static void on_poll(uv_poll_t* handle, int status, int events);

  uv_poll_t* handle_;  // lives until the loop has closed it, which is later than this object
  int wanted_ = 0;
  Callback callback_;
};

/// Fires at a point of time with the kernel's precision; libuv's own timers count whole milliseconds.
class Alarm {
 public:
  using Callback = std::function<void(Duration late)>;  ///< by how much it fired after its time

  Alarm(uv_loop_t* loop, Callback callback);

  /// Fires once at `at`, or at once where that has passed; never() disarms. Replaces what was set.
  void set(Instant at);

 private:
  Fd fd_;
  Instant armed_ = Instant::never();
  Callback callback_;
  Watch watch_;
};

}  // namespace proxima::netlab

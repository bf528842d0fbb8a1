#include "sdk/netlab/io/watch.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <utility>

#include "common/base/assert.hpp"

namespace proxima::netlab {

Instant monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant{static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec};
}

Watch::Watch(uv_loop_t* loop, int fd, Callback callback) : handle_(new uv_poll_t), callback_(std::move(callback)) {
  PROXIMA_ASSERT(uv_poll_init(loop, handle_, fd) == 0);
  handle_->data = this;
}

Watch::~Watch() {
  handle_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(handle_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

void Watch::want(int events) {
  if (events == wanted_) return;
  wanted_ = events;
  if (events == 0) {
    uv_poll_stop(handle_);
  } else {
    uv_poll_start(handle_, events, &Watch::on_poll);
  }
}

void Watch::on_poll(uv_poll_t* handle, int status, int events) {
  auto* self = static_cast<Watch*>(handle->data);
  if (self == nullptr) return;
  if (status < 0) {
    // libuv stops the handle on EPOLLERR; reading or writing will tell the error.
    self->wanted_ = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  self->callback_(events);
}

Alarm::Alarm(uv_loop_t* loop, Callback callback)
    : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      callback_(std::move(callback)),
      watch_(loop, fd_.get(), [this](int) {
        std::uint64_t expirations = 0;
        if (::read(fd_.get(), &expirations, sizeof expirations) < 0) return;
        const Duration late = monotonic_now() - std::exchange(armed_, Instant::never());
        callback_(late);
      }) {
  watch_.want(UV_READABLE);
}

void Alarm::set(Instant at) {
  if (at == armed_) return;
  armed_ = at;
  itimerspec when{};
  if (!at.is_never()) {
    const std::int64_t ns = std::max<std::int64_t>(at.ns, 1);  // 0 would disarm
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
  }
  timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace proxima::netlab

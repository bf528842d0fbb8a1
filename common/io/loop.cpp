#include "common/io/loop.hpp"

#include <algorithm>
#include <utility>

#include "common/base/assert.hpp"
#include "common/io/inbox.hpp"

namespace proxima::io {
namespace {

std::uint64_t milliseconds_up(Duration span) {
  if (span.ns <= 0) return 0;
  return static_cast<std::uint64_t>((span.ns + 999'999) / 1'000'000);
}

template <class State>
void close_and_delete(State* state) {
  state->handle.data = state;
  uv_close(reinterpret_cast<uv_handle_t*>(&state->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

}  // namespace

Loop::Loop() { PROXIMA_ASSERT(uv_loop_init(&loop_) == 0); }

Loop::~Loop() {
  // What is closing needs a round to finish; what is not closing belongs to an object that outlives its loop.
  while (uv_loop_close(&loop_) == UV_EBUSY) {
    uv_walk(&loop_, [](uv_handle_t* handle, void*) { PROXIMA_ASSERT(uv_is_closing(handle) != 0); }, nullptr);
    uv_run(&loop_, UV_RUN_NOWAIT);
  }
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

bool Loop::run_once() { return uv_run(&loop_, UV_RUN_ONCE) != 0; }

void Loop::stop() { uv_stop(&loop_); }

Instant Loop::now() { return Instant{static_cast<std::int64_t>(uv_hrtime())}; }

struct Timer::State {
  uv_timer_t handle{};
  std::function<void()> on_fire;
  bool alive = true;
};

Timer::Timer(Loop& loop, std::function<void()> on_fire) : state_(new State) {
  state_->on_fire = std::move(on_fire);
  uv_timer_init(&loop.raw(), &state_->handle);
  state_->handle.data = state_;
}

Timer::~Timer() {
  state_->alive = false;
  close_and_delete(state_);
}

namespace {

// libuv counts from the start of the round: without the update a timer armed after long work would fire early.
void start(uv_timer_t& handle, std::uint64_t first, std::uint64_t again, uv_timer_cb callback) {
  uv_update_time(handle.loop);
  uv_timer_start(&handle, callback, first, again);
}

}  // namespace

void Timer::once_in(Duration span) {
  start(state_->handle, milliseconds_up(span), 0, [](uv_timer_t* handle) {
    auto* state = static_cast<State*>(handle->data);
    if (state->alive) state->on_fire();
  });
}

void Timer::once_at(Instant when) {
  if (when.is_never()) return cancel();
  once_in(when - Loop::now());
}

void Timer::every(Duration span) {
  const std::uint64_t ms = std::max<std::uint64_t>(milliseconds_up(span), 1);
  start(state_->handle, ms, ms, [](uv_timer_t* handle) {
    auto* state = static_cast<State*>(handle->data);
    if (state->alive) state->on_fire();
  });
}

void Timer::cancel() { uv_timer_stop(&state_->handle); }

bool Timer::armed() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(&state_->handle)) != 0; }

struct Signals::State {
  uv_signal_t handle{};
  std::shared_ptr<std::function<void(int)>> on_signal;  // one function for all the numbers
};

Signals::Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal) {
  const auto shared = std::make_shared<std::function<void(int)>>(std::move(on_signal));
  for (const int number : numbers) {
    auto* state = new State;
    state->on_signal = shared;
    uv_signal_init(&loop.raw(), &state->handle);
    state->handle.data = state;
    PROXIMA_ASSERT(uv_signal_start(&state->handle, [](uv_signal_t* handle, int caught) {
      const auto call = static_cast<State*>(handle->data)->on_signal;
      (*call)(caught);
    }, number) == 0);
    states_.push_back(state);
  }
}

Signals::~Signals() {
  for (State* state : states_) close_and_delete(state);
}

struct Waker::State {
  uv_async_t handle{};
  std::function<void()> on_wake;
  bool alive = true;
};

Waker::Waker(Loop& loop, std::function<void()> on_wake) : state_(new State) {
  state_->on_wake = std::move(on_wake);
  PROXIMA_ASSERT(uv_async_init(&loop.raw(), &state_->handle, [](uv_async_t* handle) {
    auto* state = static_cast<State*>(handle->data);
    if (state->alive) state->on_wake();
  }) == 0);
  state_->handle.data = state_;
}

Waker::~Waker() {
  state_->alive = false;
  close_and_delete(state_);
}

void Waker::wake() { uv_async_send(&state_->handle); }

}  // namespace proxima::io

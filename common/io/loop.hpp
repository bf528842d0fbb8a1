// The one libuv loop of a process and what runs on it: Timer and Signals here, Inbox in inbox.hpp.
// Owned by main; made first, destroyed last. Every class here belongs to the thread that calls run(), and every callback
// comes on that thread. Other threads reach the loop only through an Inbox.
//
// A callback may destroy the object that called it: the libuv handle lives on until libuv has let go of it.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include <uv.h>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"

namespace proxima::io {

class Loop {
 public:
  /// Aborts where the kernel gives no epoll descriptor: nothing can run then.
  Loop();
  /// Everything that was made on the loop must be gone; finishes what libuv still has to close.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until stop() or until nothing is left that could call one.
  void run();
  /// Runs what is due, waits for at most one round of events; false if nothing is left to wait for. For tests and tools.
  bool run_once();
  /// Makes run() return after the present round.
  void stop();
  /// Monotonic time of this process, read now and not cached: the origin of every Instant here.
  [[nodiscard]] static Instant now();
  [[nodiscard]] uv_loop_t& raw() { return loop_; }

 private:
  uv_loop_t loop_{};
};

/// Calls back once or again and again. libuv counts in milliseconds: a span is rounded up, so it never fires early.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Fires once after `span` (at once in the next round if not positive); replaces what was armed.
  void once_in(Duration span);
  /// Fires once at `when` by Loop::now(); Instant::never() cancels.
  void once_at(Instant when);
  /// Fires each `span` (at least 1 ms), first after one span; replaces what was armed.
  void every(Duration span);
  void cancel();
  [[nodiscard]] bool armed() const;

 private:
  struct State;
  State* state_;  // freed by libuv's close callback
};

/// Turns signals into callbacks on the loop.
class Signals {
 public:
  Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct State;
  std::vector<State*> states_;  // each freed by libuv's close callback
};

}  // namespace proxima::io

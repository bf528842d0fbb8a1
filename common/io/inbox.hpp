// The way from other threads to the loop: a bounded queue, many producers, one consumer woken by uv_async_send.
// The Inbox belongs to the loop thread; a Sender may be copied to any thread and may outlive the Inbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "common/io/loop.hpp"

namespace proxima::io {

/// Wakes the loop from any thread. Wake-ups coalesce: one callback may stand for many.
class Waker {
 public:
  Waker(Loop& loop, std::function<void()> on_wake);
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  /// Any thread, but not after the destructor has begun: Inbox sees to that.
  void wake();

 private:
  struct State;
  State* state_;  // freed by libuv's close callback
};

/// What happens to an item that finds the queue full. Stated by the producer for each class of message.
enum class WhenFull {
  drop,    ///< telemetry: lost and counted
  report,  ///< control: lost, and on_overflow tells the owner, who closes the link so that both ends start afresh
};

template <class T>
class Inbox {
  struct Queue {
    std::mutex mutex;
    std::deque<T> items;
    std::size_t capacity = 0;
    std::uint64_t dropped = 0;
    bool overflowed = false;
    Waker* waker = nullptr;  // null once the Inbox is gone
  };

 public:
  class Sender {
   public:
    /// Any thread; never blocks for longer than another push. False if full or if the Inbox is gone.
    bool push(T item, WhenFull when_full) {
      const std::lock_guard lock(queue_->mutex);
      if (queue_->waker == nullptr) return false;
      const bool full = queue_->items.size() >= queue_->capacity;
      if (full) {
        ++queue_->dropped;
        if (when_full == WhenFull::drop) return false;
        queue_->overflowed = true;
      } else {
        queue_->items.push_back(std::move(item));
      }
      queue_->waker->wake();
      return !full;
    }

   private:
    friend class Inbox;
    explicit Sender(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}
    std::shared_ptr<Queue> queue_;  // shared: a library's thread may push while the loop takes the Inbox down
  };

  /// `on_item` comes for each item in order; `on_overflow` after them, once for each run of lost control items.
  Inbox(Loop& loop, std::size_t capacity, std::function<void(T&&)> on_item, std::function<void()> on_overflow = {})
      : queue_(std::make_shared<Queue>()),
        consumer_(std::make_shared<Consumer>(Consumer{std::move(on_item), std::move(on_overflow)})),
        waker_(loop, [queue = queue_, consumer = consumer_] { drain(*queue, consumer); }) {
    queue_->capacity = capacity;
    queue_->waker = &waker_;
  }
  ~Inbox() {
    consumer_->alive = false;
    const std::lock_guard lock(queue_->mutex);
    queue_->waker = nullptr;
    queue_->items.clear();
  }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  [[nodiscard]] Sender sender() const { return Sender(queue_); }
  [[nodiscard]] std::uint64_t dropped() const {
    const std::lock_guard lock(queue_->mutex);
    return queue_->dropped;
  }

 private:
  struct Consumer {
    std::function<void(T&&)> on_item;
    std::function<void()> on_overflow;
    bool alive = true;
  };

  // Takes what is there now; what comes meanwhile has its own wake-up, so that other handles get their turn. The consumer
  // is held by value: a callback may destroy the Inbox.
  static void drain(Queue& queue, std::shared_ptr<Consumer> consumer) {
    std::deque<T> batch;
    bool overflowed = false;
    {
      const std::lock_guard lock(queue.mutex);
      batch.swap(queue.items);
      overflowed = std::exchange(queue.overflowed, false);
    }
    for (T& item : batch) {
      if (!consumer->alive) return;
      consumer->on_item(std::move(item));
    }
    if (overflowed && consumer->alive && consumer->on_overflow) consumer->on_overflow();
  }

  std::shared_ptr<Queue> queue_;
  std::shared_ptr<Consumer> consumer_;
  Waker waker_;
};

}  // namespace proxima::io

// Virtual time: what happens next, in order of time and then of asking. Owned by the simulated region; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"

namespace proxima::sim {

class EventQueue {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Instant now() const { return now_; }
  void at(Instant when, Action action) {
    waiting_.push_back({std::max(when, now_), ++asked_, std::move(action)});
    std::push_heap(waiting_.begin(), waiting_.end(), later);
  }
  void in(Duration span, Action action) { at(now_ + span, std::move(action)); }

  /// Runs the next action that is due by `limit`; false, with the time at `limit`, if there is none.
  bool run_next(Instant limit) {
    if (waiting_.empty() || waiting_.front().when > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    const Waiting next = std::move(waiting_.back());
    waiting_.pop_back();
    now_ = next.when;
    next.action();
    return true;
  }

 private:
  struct Waiting {
    Instant when;
    std::uint64_t order = 0;
    Action action;
  };
  static bool later(const Waiting& a, const Waiting& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }
  std::vector<Waiting> waiting_;
  std::uint64_t asked_ = 0;
  Instant now_{1'000'000'000};
};

}  // namespace proxima::sim

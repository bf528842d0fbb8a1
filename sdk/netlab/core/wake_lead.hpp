// How much earlier than due the alarm is to be set, because a machine needs time to wake a process up. Pure; owned by
// the lab, loop thread only.
#pragma once

#include <algorithm>

#include "common/base/instant.hpp"

namespace proxima::netlab {

/// Follows the median of how late the alarm was: each wake-up moves the estimate one step towards what it saw, so that a
/// rare long delay counts no more than a small one.
class WakeLead {
 public:
  static constexpr Duration first = Duration::micros(50);
  static constexpr Duration step = Duration::micros(2);
  static constexpr Duration most = Duration::micros(150);  ///< no piece leaves earlier than by this

  void woke(Duration late) {
    if (late > lead_) lead_ = std::min(lead_ + step, most);
    if (late < lead_) lead_ = std::max(lead_ - step, Duration{});
  }
  [[nodiscard]] Duration lead() const { return lead_; }

 private:
  Duration lead_ = first;
};

}  // namespace proxima::netlab

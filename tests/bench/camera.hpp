// Streams as real sources feed them: decoded frames held in memory, submitted at 30 a second at absolute times, and every
// outcome kept. A Camera owns its sending thread; its methods are called by the thread that made it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sdk/include/proxima/client.hpp"
#include "tests/bench/benches.hpp"

namespace proxima::bench {

inline constexpr double frames_per_second = 30;
inline constexpr std::chrono::nanoseconds frame_period{33'333'333};

/// CLOCK_MONOTONIC, which the library's times are of.
[[nodiscard]] std::int64_t now_ns();
void sleep_until_ns(std::int64_t at);

using Pixels = std::vector<std::uint8_t>;

/// `count` frames of the source, grey and scaled to what the task takes. Throws if it cannot be played.
[[nodiscard]] std::vector<Pixels> decode(const Setting& setting, const TaskDescription& task, std::size_t count);
/// The built task; throws if it is not there.
[[nodiscard]] TaskDescription built_task(const Setting& setting, const std::string& name);
[[nodiscard]] FrameView view(const TaskDescription& task, const Pixels& pixels);

/// How one frame ended.
struct Outcome {
  std::uint64_t sequence = 0;
  FrameStatus status = FrameStatus::lost;
  std::int64_t submitted_ns = 0;
  std::int64_t arrived_ns = 0;
  std::int64_t ended_ns = 0;  ///< when its outcome was known
  double e2e_ms = 0;

  /// At that time it was on its way.
  [[nodiscard]] bool in_flight_at(std::int64_t at) const { return submitted_ns <= at && ended_ns > at; }
};

class Camera {
 public:
  /// Places the task and opens the stream; nothing is sent yet. Throws if no node fits, again and again.
  Camera(Client& client, const TaskDescription& task, const std::vector<Pixels>& frames);
  ~Camera();
  Camera(const Camera&) = delete;
  Camera& operator=(const Camera&) = delete;

  /// Sends frame k at `first_ns` + k periods from a thread of its own, until stop().
  void start(std::int64_t first_ns);
  /// No more frames; waits for the outcomes of those that were sent.
  void stop();
  /// `action` is called by the sending thread `offset` after its next frame was submitted; offset < frame_period.
  /// Returns once it has been called, with the time just before.
  std::int64_t after_next_frame(std::chrono::nanoseconds offset, std::function<void()> action);

  [[nodiscard]] StreamStats stats() const { return stream_->stats(); }
  /// All so far, in the order in which they came.
  [[nodiscard]] std::vector<Outcome> outcomes() const;
  /// Frames that the library refused to take.
  [[nodiscard]] long refused() const { return refused_; }

 private:
  struct Order {
    std::chrono::nanoseconds offset;
    std::function<void()> action;
  };
  void send(std::int64_t first_ns);
  void obey(std::int64_t submitted_ns);

  const TaskDescription& task_;
  const std::vector<Pixels>& frames_;
  mutable std::mutex mutex_;
  std::vector<Outcome> outcomes_;
  std::optional<Order> order_;
  std::atomic<std::int64_t> done_at_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<long> refused_{0};
  std::optional<Stream> stream_;
  std::thread thread_;
};

}  // namespace proxima::bench

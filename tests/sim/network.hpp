// Places, the lines between them, and one-way pipes that behave as one direction of a TCP connection: in order, late
// where a segment was lost, standing still while the line is cut, gone when closed. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"
#include "common/base/prng.hpp"
#include "tests/sim/event_queue.hpp"

namespace proxima::sim {

/// Where a process runs.
using Place = std::uint32_t;
inline constexpr Place broker_place = 0;
inline constexpr Place coordinator_place = 1;
inline constexpr Place first_node_place = 10;
inline constexpr Place first_client_place = 100;
inline Place node_place(std::size_t index) { return first_node_place + static_cast<Place>(index); }
inline Place client_place(std::size_t index) { return first_client_place + static_cast<Place>(index); }

/// One direction of a line.
struct Way {
  Place from = 0;
  Place to = 0;
  auto operator<=>(const Way&) const = default;
};

class Network;

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Network& network, Way way) : network_(network), way_(way) {}
  /// Delivered after everything sent before, unless the pipe is closed first.
  void send(EventQueue::Action delivered);
  /// What is under way is lost.
  void close();

 private:
  friend class Network;
  void pump();
  Network& network_;
  Way way_;
  std::deque<std::pair<Instant, EventQueue::Action>> under_way_;
  Instant last_due_;
  bool closed_ = false;
};
using PipePtr = std::shared_ptr<Pipe>;

class Network {
 public:
  Network(EventQueue& queue, std::uint64_t seed) : queue_(queue), rng_(seed) {}

  /// How far a place is from the middle of everything, one way.
  void set_distance(Place place, Duration one_way) { distance_[place] = one_way; }
  [[nodiscard]] Duration distance(Way way) const;
  /// Of segments and requests; a lost segment is sent again, so it comes late.
  void set_loss(double loss) { loss_ = loss; }

  void cut(Way way);
  void heal(Way way);
  void heal_all();
  [[nodiscard]] bool is_cut(Way way) const { return cuts_.contains(way); }
  [[nodiscard]] bool is_open(Place a, Place b) const { return !is_cut({a, b}) && !is_cut({b, a}); }
  /// Calls `expired` if the way stays cut for `patience` from now on: a keep-alive.
  void when_cut_for(Way way, Duration patience, EventQueue::Action expired);
  /// Told of each cut.
  void on_cut(std::function<void(Way)> told) { on_cut_ = std::move(told); }

  /// What one message needs now, seeded.
  [[nodiscard]] Duration delay(Way way);
  [[nodiscard]] PipePtr open(Way way);

 private:
  friend class Pipe;
  EventQueue& queue_;
  Prng rng_;
  double loss_ = 0;
  std::map<Place, Duration> distance_;
  std::map<Way, std::uint64_t> cuts_;  // since which cut, by number
  std::uint64_t cuts_made_ = 0;
  std::vector<std::weak_ptr<Pipe>> pipes_;
  std::function<void(Way)> on_cut_;
};

}  // namespace proxima::sim

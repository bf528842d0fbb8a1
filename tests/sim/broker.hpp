// A simulated MQTT broker: retained births, last wills, keep-alive, QoS 0 that loses and QoS 1 that, after a reconnect,
// may come twice and late. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/base/prng.hpp"
#include "common/protocol/codec.hpp"
#include "tests/sim/network.hpp"

namespace proxima::sim {

/// A message on the topic of a node.
struct Publication {
  enum class Topic : std::uint8_t { birth, beat, event, command } topic = Topic::beat;
  std::size_t node = 0;
  protocol::Bytes payload;
};

/// One connection of a peer to the broker, as both ends see it.
struct MqttSession {
  Place who = 0;
  PipePtr up;
  PipePtr down;
  bool at_broker = true;  ///< the broker holds it open
  bool at_peer = true;    ///< the peer holds it open
  protocol::Bytes will;   ///< empty: none
  std::function<void(const Publication&)> on_message;
  std::function<void()> on_closed;
};
using MqttSessionPtr = std::shared_ptr<MqttSession>;

struct BrokerOptions {
  double beat_loss = 0;
  double replay = 0;          ///< how likely old QoS 1 messages come once more after a reconnect
  Duration keep_alive = Duration::seconds(20);
};

class Broker {
 public:
  Broker(EventQueue& queue, Network& network, std::uint64_t seed) : queue_(queue), network_(network), rng_(seed) {}

  void set_options(const BrokerOptions& options) { options_ = options; }
  /// nullptr while the line is cut. An older session of the same place ends, by its will or without.
  MqttSessionPtr connect(Place who, const protocol::Bytes& will, std::function<void(const Publication&)> on_message,
                         std::function<void()> on_closed);
  void publish(const MqttSessionPtr& session, const Publication& message);
  /// The peer's process is gone or lets go: the broker hears so, if the line allows.
  void let_go(const MqttSessionPtr& session, bool cleanly);
  /// The peer stands still: after the keep-alive its will is published, unless `moves_again` says true by then.
  void watch_stillness(const MqttSessionPtr& session, const std::function<bool()>& moves_again);
  void line_was_cut(Way way);
  /// All connections break; what was retained stays or goes.
  void restart(bool keep_retained);

 private:
  void arrived(const Publication& message);
  void close_at_broker(const MqttSessionPtr& session, bool publish_will);
  void replay_to(const MqttSessionPtr& session, const std::deque<Publication>& recent);
  [[nodiscard]] MqttSessionPtr session_of(Place who) const;

  EventQueue& queue_;
  Network& network_;
  Prng rng_;
  BrokerOptions options_;
  std::map<Place, MqttSessionPtr> sessions_;
  std::map<std::size_t, Publication> retained_;
  std::deque<Publication> recent_events_;
  std::map<std::size_t, std::deque<Publication>> recent_commands_;
};

}  // namespace proxima::sim

// One MQTT 5 connection to the region's broker, through Paho. Owned by an adapter; all calls and callbacks on the loop
// thread. Paho's thread only enqueues (inbox.hpp): it never runs our code beyond that.
//
// Reconnects by itself with a jittered back-off, and subscribes again. Nothing is kept over a lost connection: every
// connection is a clean start, so on_connected is where an owner says all that the broker must know.
// Nagle's algorithm is off: nodelay.cpp explains how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/bytes.hpp"
#include "common/io/loop.hpp"

namespace proxima::io {

struct MqttMessage {
  std::string topic;
  std::vector<std::uint8_t> payload;
  int qos = 0;
  bool retained = false;  ///< received: it was kept by the broker and is not news
};

struct MqttSubscription {
  std::string filter;
  int qos = 1;
};

struct MqttOptions {
  std::string endpoint;                               ///< "127.0.0.1:1883"
  std::string client_id;                              ///< one connection an id: the broker cuts the older one
  std::optional<MqttMessage> will;
  std::vector<MqttSubscription> subscriptions;
  Duration keep_alive = Duration::seconds(5);
  Duration backoff_min = Duration::millis(250);
  Duration backoff_max = Duration::seconds(5);
  std::size_t received_limit = 4096;                  ///< messages that wait for the loop
  std::size_t outstanding_limit = 1024;               ///< published and not yet on its way (QoS 0) or acknowledged
  std::size_t message_bytes = 32U << 10U;             ///< a larger one is dropped and counted
};

struct MqttCallbacks {
  std::function<void()> on_connected;                 ///< and subscribed; messages may already have come
  std::function<void(const std::string& reason)> on_lost;  ///< once for each on_connected
  std::function<void(MqttMessage&&)> on_message;
  std::function<void(const std::string& reason)> on_attempt_failed;  ///< for the log; may be empty
};

class MqttLink {
 public:
  /// Begins to connect; a broker that is not there yet is no failure.
  static Result<std::unique_ptr<MqttLink>> start(Loop& loop, MqttOptions options, MqttCallbacks callbacks);
  /// Says goodbye (so no will is sent) but sends nothing that is outstanding; waits for at most half a second.
  ~MqttLink();
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  /// Never blocks. A failure if not connected, or if too much is outstanding: then QoS 0 is dropped and counted, and for
  /// QoS 1 and 2 the link is closed and opened again, since what was not sent can no longer be made good.
  Result<void> publish(const std::string& topic, View bytes, int qos, bool retain);
  /// Sends what is outstanding, says goodbye (no will) and calls `done` within two seconds. No callback comes after.
  void close(std::function<void()> done);
  [[nodiscard]] bool connected() const;
  /// Messages lost here: the loop was too slow, or they were too large, or telemetry found no room.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Impl;
  explicit MqttLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxima::io

// Runs the agent's core on the loop: turns what the broker, clients, workers, fetcher and clock bring into events, and
// does what the effects ask. Owned by main; loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/agent.hpp"
#include "agent/io/echo_responder.hpp"
#include "agent/io/object_fetcher.hpp"
#include "agent/io/worker_runner.hpp"
#include "common/io/log.hpp"
#include "common/io/loop.hpp"
#include "common/io/mqtt_link.hpp"
#include "common/io/zmq_sockets.hpp"

namespace proxima::agent {

struct DriverOptions {
  NodeId node;
  std::string region;
  std::string broker;                 ///< "127.0.0.1:1883"
  io::Address coordinator;            ///< its HTTP API
  std::string frames = "127.0.0.1:0"; ///< where the data plane is bound
  io::Address echo;
  std::string advertise_frames;       ///< what clients are told; empty: where it is bound
  std::string advertise_echo;
  std::string cache_directory;
  std::uint64_t cache_bytes = 256ULL << 20U;
  std::string worker_program;
  std::string vision_program;
  EchoLimits echo_limits;
  Duration idle_beat = Duration::seconds(10);
  protocol::Birth birth;              ///< but for the endpoints, which the driver knows
};

class Driver {
 public:
  /// Opens the data plane and the echo, and begins to connect to the broker.
  static Result<std::unique_ptr<Driver>> open(io::Loop& loop, io::ZmqContext& context, const io::Log& log,
                                              const DriverOptions& options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  [[nodiscard]] const std::string& frames_endpoint() const { return frames_endpoint_; }
  [[nodiscard]] const std::string& echo_endpoint() const { return echo_endpoint_; }
  /// Stops all instances, says goodbye to the region, then calls `done`. Once.
  void leave(std::function<void()> done);

 private:
  Driver(io::Loop& loop, const io::Log& log, const DriverOptions& options);
  Result<void> open_sockets(io::ZmqContext& context);
  Result<void> connect();

  void on_client(std::string_view peer, io::Parts parts);
  void on_command(const io::MqttMessage& message);

  // Events come in one at a time; what an effect brings about at once waits in pending_.
  void happen(Event event);
  void settle(const Event& event);
  void on_time();
  void perform_all(Effects& effects);
  void rearm();

  void perform(const PublishPresence& effect);
  void perform(const PublishBeat& effect);
  void perform(const PublishEvent& effect);
  void perform(const FetchObject& effect);
  void perform(const CancelFetch& effect);
  void perform(const StartWorker& effect);
  void perform(const StopWorker& effect);
  void perform(const HandOver& effect);
  void perform(const KeepPayload& effect);
  void perform(const DropPayload& effect);
  void perform(const SendToClient& effect);

  void worker_gone(const InstanceKey& key, const std::string& reason, std::uint64_t culprit);
  void leave_when_empty();
  void log_counts() const;

  io::Loop& loop_;
  const io::Log& log_;
  DriverOptions options_;
  std::string frames_endpoint_;
  std::string echo_endpoint_;
  std::optional<Agent> core_;
  std::unique_ptr<io::RouterSocket> router_;
  std::unique_ptr<EchoResponder> echo_;
  std::unique_ptr<ObjectFetcher> fetcher_;
  std::unique_ptr<io::MqttLink> mqtt_;
  std::map<InstanceKey, std::unique_ptr<WorkerRunner>> workers_;
  std::vector<std::unique_ptr<WorkerRunner>> gone_workers_;  // destroyed outside their own callbacks
  std::map<FrameToken, std::vector<std::uint8_t>> kept_;     // payloads of frames that wait
  std::uint32_t idle_beats_ = 0;  // in a row
  bool said_unreachable_ = false;
  io::Timer timer_;
  io::Timer bury_;
  io::Timer leave_limit_;
  std::function<void()> left_;
  std::deque<Event> pending_;
  bool happening_ = false;
  io::View payload_;       // of the frame that is being handled
  io::View output_;        // of the result that is being handled
  std::uint64_t tokens_ = 0;
  std::uint64_t garbled_ = 0;
};

}  // namespace proxima::agent

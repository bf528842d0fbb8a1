// One simulated device: a real agent core, and behind its effects tiny workers, a fetcher and the line to the broker. It
// can crash, come back as a new incarnation, stand still and go on, and leave. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/core/agent.hpp"
#include "common/base/prng.hpp"
#include "tests/sim/broker.hpp"
#include "tests/sim/data_plane.hpp"

namespace proxima::sim {

class Region;

struct NodeProfile {
  std::string name;
  std::uint32_t memory_mib = 64;
  std::vector<std::string> functions;
  std::string target;
  std::int64_t execute_us = 5000;  ///< of a typical frame
};

class Node {
 public:
  Node(Region& region, std::size_t index, NodeProfile profile, std::uint64_t seed);

  /// A new life of the agent; nothing if it lives.
  void start();
  void crash();
  void leave();
  void pause();
  void resume();
  /// The system kills one of its workers.
  void kill_worker();

  [[nodiscard]] Answer answer() const;
  void said(const agent::PeerId& peer, const protocol::ClientMessage& message, std::uint32_t bytes);

  [[nodiscard]] bool is_alive() const { return core_.has_value(); }
  [[nodiscard]] bool is_paused() const { return paused_; }
  [[nodiscard]] const agent::Agent& core() const { return *core_; }
  [[nodiscard]] NodeId id() const { return id_; }
  [[nodiscard]] const NodeProfile& profile() const { return profile_; }

 private:
  struct Worker {
    std::uint64_t number = 0;         // of this life of the worker
    bool stopping = false;
    std::optional<agent::FrameToken> in_hand;
  };

  void deliver(EventQueue::Action action);
  /// Happens after `span`, if this life of the agent still lasts; waits while it stands still.
  void later(Duration span, EventQueue::Action action);
  void happen(const agent::Event& event);
  void on_time();
  void arm();
  void perform_all(const agent::Effects& effects);
  void connect();
  void publish(Publication::Topic topic, protocol::Bytes payload);
  void received(const Publication& message);
  void look_for_object(const agent::InstanceKey& key, const Digest& module, std::uint64_t fetch);
  void worker_gone(const agent::InstanceKey& key, const std::string& reason, bool by_task);
  void execute(const agent::InstanceKey& key, agent::FrameToken token);

  void perform(const agent::PublishPresence& effect);
  void perform(const agent::PublishBeat& effect);
  void perform(const agent::PublishEvent& effect);
  void perform(const agent::FetchObject& effect);
  void perform(const agent::CancelFetch& effect);
  void perform(const agent::StartWorker& effect);
  void perform(const agent::StopWorker& effect);
  void perform(const agent::HandOver& effect);
  void perform(const agent::KeepPayload& effect);
  void perform(const agent::DropPayload& effect) { kept_.erase(effect.token); }
  void perform(const agent::SendToClient& effect);

  Region& region_;
  std::size_t index_;
  NodeProfile profile_;
  Prng rng_;
  NodeId id_;
  std::optional<agent::Agent> core_;
  std::uint64_t life_ = 0;
  std::uint64_t incarnation_ = 0;
  bool paused_ = false;
  std::uint64_t pauses_ = 0;
  std::deque<EventQueue::Action> inbox_;  // while it stands still
  std::deque<agent::Event> pending_;
  bool happening_ = false;
  Instant armed_ = Instant::never();
  MqttSessionPtr session_;
  std::map<agent::InstanceKey, Worker> workers_;
  std::map<agent::InstanceKey, std::uint64_t> fetches_;
  std::uint64_t numbers_ = 0;
  std::uint64_t tokens_ = 0;
  agent::FrameToken arriving_;            // whose payload is in the event at hand
  std::set<agent::FrameToken> kept_;
  std::optional<agent::InstanceKey> finished_;  // of the FrameDone at hand
};

}  // namespace proxima::sim

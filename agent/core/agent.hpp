// One node's decisions: what runs, which frame next, what the region is told. Events in, effects out, time as an argument.
// No clock, file, socket, thread or entropy. Owned by the agent's driver (or the simulator), used on its loop thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/core/region_link.hpp"
#include "agent/core/session_table.hpp"
#include "agent/core/supervisor.hpp"
#include "common/base/instant.hpp"

namespace proxima::agent {

struct AgentOptions {
  protocol::Birth birth;                         ///< with the incarnation drawn and the endpoints open
  Duration serving_beat = Duration::seconds(1);
  Duration idle_beat = Duration::seconds(10);
};

class Agent {
 public:
  explicit Agent(const AgentOptions& options);

  void handle(const Event& event, Instant now, Effects& out);
  void on_time(Instant now, Effects& out);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] std::uint64_t digest() const;

  [[nodiscard]] const Supervisor& supervisor() const { return supervisor_; }
  [[nodiscard]] const SessionTable& sessions() const { return sessions_; }
  [[nodiscard]] bool leaving() const { return leaving_; }

 private:
  void on(const BrokerConnected& event, Instant now, Effects& out);
  void on(const BrokerLost& event, Instant now, Effects& out);
  void on(const DesiredReceived& event, Instant now, Effects& out);
  void on(const ObjectReady& event, Instant now, Effects& out);
  void on(const ObjectUnavailable& event, Instant now, Effects& out);
  void on(const WorkerReady& event, Instant now, Effects& out);
  void on(const WorkerGone& event, Instant now, Effects& out);
  void on(const FrameDone& event, Instant now, Effects& out);
  void on(const ClientSaid& event, Instant now, Effects& out);
  void on(const ClientGarbled& event, Instant now, Effects& out);
  void on(const ClientUnreachable& event, Instant now, Effects& out);
  void on(const LeaveRequested& event, Instant now, Effects& out);

  /// False if there was none.
  bool follow_changes(Instant now, Effects& out);
  void follow(const StageChange& change, Instant now, Effects& out);
  void report(const InstanceKey& key, const Instance& instance, Effects& out);
  void report_all(Effects& out);
  void report_dead(Effects& out);
  void beat(Instant now, Effects& out);
  [[nodiscard]] Standing standing(InstanceId id) const;

  RegionLink region_;
  Supervisor supervisor_;
  SessionTable sessions_;
  std::map<InstanceKey, std::uint32_t> frames_told_;  // of ready instances: the figures that the region knows
  bool beat_wanted_ = false;
  bool leaving_ = false;
};

}  // namespace proxima::agent

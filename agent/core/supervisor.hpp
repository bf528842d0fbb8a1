// Brings what runs here to what is desired: fetches, starts, watches and stops instances by the table in
// instance_states.hpp. Pure; owned by the agent core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/admission.hpp"
#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/core/instance_states.hpp"
#include "common/base/fingerprint.hpp"
#include "common/base/instant.hpp"

namespace proxima::agent {

struct Instance {
  protocol::DesiredInstance desired;
  Stage stage = Stage::fetching;
  std::string reason;
  std::string object_path;
  std::uint32_t worker_pid = 0;
  std::uint32_t host_pid = 0;
  protocol::Isolation isolation = protocol::Isolation::none;
  std::uint32_t fetches_missed = 0;
  Instant due = Instant::never();  ///< backing_off: the next try; draining: the end of patience
  bool wanted_again = false;       ///< desired anew while it leaves
};

/// An instance came to another stage; as it then was, since a gone one is in no table.
struct StageChange {
  InstanceKey key;
  Stage from = Stage::gone;
  Instance instance;
};

class Supervisor {
 public:
  explicit Supervisor(Offer offer);

  /// Withdraws what is not in it or has a higher epoch in it, takes on what is new, judges the refused again.
  void apply(const protocol::Desired& desired, Instant now, Effects& out);
  void object_ready(const ObjectReady& event, Instant now, Effects& out);
  void object_unavailable(const ObjectUnavailable& event, Instant now, Effects& out);
  void worker_ready(const WorkerReady& event, Instant now, Effects& out);
  void worker_gone(const WorkerGone& event, Instant now, Effects& out);
  /// The worker holds no frame: a draining instance may stop.
  void drained(const InstanceKey& key, Instant now, Effects& out);
  void on_time(Instant now, Effects& out);
  [[nodiscard]] Instant next_deadline() const;

  /// Every change since the last call, in order.
  [[nodiscard]] std::vector<StageChange> take_changes();
  [[nodiscard]] const std::map<InstanceKey, Instance>& instances() const { return instances_; }
  [[nodiscard]] const Instance* find(const InstanceKey& key) const;
  /// The life with the highest epoch.
  [[nodiscard]] const Instance* newest(InstanceId id) const;
  [[nodiscard]] InUse admitted() const;
  /// True while any instance runs, comes or goes.
  [[nodiscard]] bool serving() const;
  void fingerprint(Fingerprint& into) const;

 private:
  using Table = std::map<InstanceKey, Instance>;
  void withdraw_missing(const protocol::Desired& desired, Instant now, Effects& out);
  void want(const protocol::DesiredInstance& wanted, Effects& out);
  void admit(const protocol::DesiredInstance& wanted, Effects& out);
  void happen(Table::iterator at, Happening happening, Instant now, Effects& out);
  void act(const InstanceKey& key, Instance& instance, Step step, Instant now, Effects& out);
  void start_held(Instant now, Effects& out);

  Offer offer_;
  Table instances_;
  std::vector<StageChange> changes_;
};

}  // namespace proxima::agent

// The inside of the Coordinator: its tables, and the steps in which its modules meet. Included by coordinator*.cpp alone.
//   coordinator.cpp          dispatch, time, queries
//   coordinator_nodes.cpp    what nodes and the builder say
//   coordinator_clients.cpp  what clients ask
//   coordinator_placing.cpp  views, instances, placing and replacing
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.hpp"
#include "coordinator/core/coordinator.hpp"
#include "coordinator/core/membership/membership_table.hpp"
#include "coordinator/core/placement/placement_planner.hpp"
#include "coordinator/core/placement/placement_view.hpp"
#include "coordinator/core/placement/service_table.hpp"
#include "coordinator/core/proximity/measurement_table.hpp"
#include "coordinator/core/tasks/build_table.hpp"
#include "coordinator/core/tasks/desired_table.hpp"
#include "coordinator/core/tasks/task_states.hpp"
#include "coordinator/core/tasks/task_table.hpp"

namespace proxima::coordinator {

inline constexpr std::string_view variant = "scalar";  // of native objects: the only one there is

/// A device class is a CPU model and the share of it that the owner gives.
[[nodiscard]] Machine machine_of(const protocol::Birth& birth);

struct Coordinator::State {
  explicit State(const CoordinatorOptions& given);

  CoordinatorOptions options;
  std::uint64_t id_mask;              // of the seed: ids of two coordinators differ
  std::uint64_t ids_given = 0;
  Instant now;
  bool broker_up = true;              // until the driver says otherwise
  Instant broker_up_since;
  MembershipTable members;
  MeasurementTable measurements;
  ServiceTable services;
  TaskTable tasks;
  DesiredTable desired;
  BuildTable builds;

  // Effects of the event at hand, in the order in which they leave.
  Effects builds_wanted;
  std::vector<Reply> replies;
  std::set<TaskId> changed_tasks;
  std::set<NodeId> changed_nodes;

  void flush(Effects& out);
  std::uint64_t next_id();

  // coordinator_nodes.cpp
  void on(const PresenceReceived& event);
  void on(const BeatReceived& event);
  void on(const NodeEventReceived& event);
  void on(const BrokerLinkChanged& event);
  void on(const ObjectBuilt& event);
  void on(const BuildFailed& event);
  void on_birth(const NodeId& node, const protocol::Birth& birth);
  void on_report(const NodeId& node, const protocol::InstanceReport& report);
  void instance_failed(const NodeId& node, const protocol::DesiredInstance& desired, const protocol::InstanceReport& report);
  void node_gone(const NodeId& node, const std::string& reason);
  void node_restarted(const NodeId& node);
  void node_appeared();
  void make_room_for_node();
  void request_build(const Task& task, const Member& member);
  [[nodiscard]] Instant silence_due(const NodeId& node, const Member& member) const;
  void look_for_silence();

  // coordinator_clients.cpp
  void on(const TaskRequested& event);
  void on(const MeasurementsReported& event);
  void on(const TrialsReported& event);
  void on(const TakeoverReported& event);
  void on(const StandbyLost& event);
  void on(const ClientReport& event);
  void on(const StopRequested& event);
  /// The task of a client's request and what its state's row says; answers itself where there is nothing more to do.
  Task* admit(RequestId request, TaskId id, TaskEvent event, TaskAction& action);
  void reply(RequestId request, std::variant<TaskAccepted, TrialsWanted, TaskAnswer, RequestRefused> body);
  void refuse(RequestId request, std::uint16_t code, const Error& error);
  void choose_trials(Task& task);
  void learn(Task& task, const TrialsReported& event);
  void conclude(Task& task);

  // coordinator_placing.cpp
  [[nodiscard]] PlacementView view_of(const Task& task) const;
  [[nodiscard]] NodeFacts facts_of(const Task& task, const NodeId& id, const Member& member) const;
  void add_load(const Task& task, const NodeId& id, NodeFacts& facts) const;
  [[nodiscard]] ServiceEstimate service_of(const ServiceKey& key, const NodeId& node) const;
  [[nodiscard]] Grant create(Task& task, const NodeId& node, protocol::Role role);
  void remove(const Grant& grant);
  void place(Task& task, const Plan& plan);
  /// Chooses what a placed task lacks; sets the time of the next look where nothing was found.
  void fill(Task& task, const std::string& reason);
  void drop_standby(Task& task);
  /// The serving instance is given up: the standby serves, or the task is placed anew.
  void promote(Task& task, const std::string& reason);
  void take_standby(Task& task, const std::string& reason);
  void leave_serving(Task& task);
  /// The serving instance is dead. The client has a moment to follow its standby by itself.
  void serving_died(Task& task, const std::string& reason);
  void end(Task& task, TaskState state, const std::string& reason);
  void look_at_tasks();
  [[nodiscard]] Instant task_due(const Task& task) const;
  void act_on_time(Task& task);
};

}  // namespace proxima::coordinator

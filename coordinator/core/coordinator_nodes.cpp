// What nodes and the builder say.
#include <algorithm>
#include <utility>

#include "common/protocol/limits.hpp"
#include "coordinator/core/coordinator_state.hpp"

namespace proxima::coordinator {
namespace {

constexpr Duration repeat_after = Duration::seconds(2);  // a wish that was sent and not taken on
constexpr std::uint32_t frames_to_learn_from = 8;

}  // namespace

void Coordinator::State::on(const PresenceReceived& event) {
  if (const auto* birth = std::get_if<protocol::Birth>(&event.presence)) {
    on_birth(event.node, *birth);
    return;
  }
  if (members.apply_lost(event.node, std::get<protocol::Lost>(event.presence).incarnation)) node_gone(event.node, "lost");
}

void Coordinator::State::on_birth(const NodeId& node, const protocol::Birth& birth) {
  if (members.find(node) == nullptr && members.full()) make_room_for_node();
  const Heard heard = members.apply_birth(node, birth, now);
  if (heard == Heard::ignored) return;
  changed_nodes.insert(node);
  if (heard == Heard::restarted) node_restarted(node);
  const Member& member = *members.find(node);
  for (const auto& [id, task] : tasks.tasks())
    if (!is_over(task.state)) request_build(task, member);
  // A node of which this term never wished anything may still run what an earlier term wished: its streams go on.
  if (desired.find(node) != nullptr) desired.repeat(node);
  node_appeared();
}

/// Forgets the node that is lost for longest; nothing is desired of it.
void Coordinator::State::make_room_for_node() {
  const NodeId* oldest = nullptr;
  Instant heard = Instant::never();
  for (const auto& [id, member] : members.members()) {
    if (member.state == NodeState::present || !desired.instances(id).empty() || member.last_heard >= heard) continue;
    oldest = &id;
    heard = member.last_heard;
  }
  if (oldest == nullptr) return;
  const NodeId gone = *oldest;
  desired.forget(gone);
  members.forget(gone);
}

void Coordinator::State::on(const BeatReceived& event) {
  const Heard heard = members.apply_beat(event.node, event.beat, now);
  if (heard == Heard::ignored) return;
  const auto* wish = desired.find(event.node);
  const bool behind = wish != nullptr && wish->generation != 0 && event.beat.applied_generation != wish->generation;
  if (heard == Heard::returned || (behind && now - wish->sent >= repeat_after)) {
    if (wish != nullptr) desired.repeat(event.node);
  }
  if (heard != Heard::returned) return;
  changed_nodes.insert(event.node);
  node_appeared();
}

void Coordinator::State::on(const NodeEventReceived& event) {
  on_report(event.node, std::get<protocol::InstanceReport>(event.event));
}

void Coordinator::State::on_report(const NodeId& node, const protocol::InstanceReport& report) {
  const Heard heard = members.apply_sign(node, report.incarnation, now);
  if (heard == Heard::ignored) return;
  if (heard == Heard::returned) {
    changed_nodes.insert(node);
    if (desired.find(node) != nullptr) desired.repeat(node);
    node_appeared();
  }
  const auto* wanted = desired.find(node, report.instance);
  if (wanted == nullptr || wanted->epoch != report.epoch) return;
  const protocol::DesiredInstance instance = *wanted;  // what follows may remove it
  const auto* before = desired.report(report.instance);
  const bool was_dead = before != nullptr && (before->state == protocol::InstanceState::failed ||
                                              before->state == protocol::InstanceState::refused);
  desired.apply_report(node, report);
  changed_nodes.insert(node);
  if (report.frames >= frames_to_learn_from && report.execute_us_mean > 0) {
    const protocol::Birth& birth = members.find(node)->birth;
    services.learn({instance.task_name, instance.module}, node, machine_of(birth),
                   {report.execute_us_mean / 1000.0, report.execute_us_error / 1000.0});
  }
  const bool is_dead = report.state == protocol::InstanceState::failed || report.state == protocol::InstanceState::refused;
  if (is_dead && !was_dead) instance_failed(node, instance, report);
}

void Coordinator::State::instance_failed(const NodeId& node, const protocol::DesiredInstance& instance,
                                         const protocol::InstanceReport& report) {
  Task* task = tasks.find(instance.task);
  if (task == nullptr) return;
  const bool by_owner = report.state == protocol::InstanceState::refused;
  TaskTable::add_setback(*task, node, by_owner, report.reason, now);
  if (!by_owner) members.count_failure(node);
  if (task->serving && task->serving->instance == instance.instance) {
    if (action_for(task->state, TaskEvent::serving_gone) == TaskAction::promote)
      serving_died(*task, "the instance failed: " + report.reason);
  } else if (task->standby && task->standby->instance == instance.instance) {
    if (action_for(task->state, TaskEvent::standby_gone) != TaskAction::replace_standby) return;
    drop_standby(*task);
    fill(*task, {});
  }
}

void Coordinator::State::on(const BrokerLinkChanged& event) {
  if (event.up && !broker_up) broker_up_since = now;
  broker_up = event.up;
  if (!event.up) return;
  for (const auto& [id, member] : members.members())
    if (desired.find(id) != nullptr) desired.repeat(id);
}

void Coordinator::State::on(const ObjectBuilt& event) {
  builds.built({event.module, event.target, event.variant}, event.object);
}

void Coordinator::State::on(const BuildFailed& event) {
  builds.failed({event.module, event.target, event.variant}, event.reason);
  std::vector<TaskId> hopeless;
  for (const auto& [id, task] : tasks.tasks()) {
    if (task.spec.module != event.module) continue;
    if (action_for(task.state, TaskEvent::build_failed) != TaskAction::refuse) continue;
    const bool elsewhere = std::any_of(members.members().begin(), members.members().end(), [&](const auto& entry) {
      const BuildKey key{event.module, entry.second.birth.target, event.variant};
      return entry.second.state == NodeState::present && !builds.error(key);
    });
    if (!elsewhere) hopeless.push_back(id);
  }
  for (const TaskId id : hopeless) {
    Task& task = *tasks.find(id);
    task.first = coordinator::explain(view_of(task));
    end(task, TaskState::refused, "the module cannot be built: " + event.reason);
  }
}

void Coordinator::State::request_build(const Task& task, const Member& member) {
  BuildKey key{task.spec.module, member.birth.target, std::string(variant)};
  if (!builds.request(key)) return;
  builds_wanted.emplace_back(RequestBuild{key.module, key.target, key.variant, task.spec.memory_mib});
}

/// Lost or silent: it may only be cut from the broker, so a client that holds a lease decides about its stream itself.
void Coordinator::State::node_gone(const NodeId& node, const std::string& reason) {
  changed_nodes.insert(node);
  std::vector<TaskId> touched;
  for (const auto& instance : desired.instances(node)) touched.push_back(instance.task);
  for (const TaskId id : touched) {
    Task* task = tasks.find(id);
    if (task == nullptr || task->state != TaskState::placed) continue;
    if (task->standby && task->standby->node == node) {
      drop_standby(*task);
      fill(*task, {});
    }
    if (task->serving && task->serving->node == node && !task->client_decides()) promote(*task, "the node is " + reason);
  }
}

/// A new life of the agent: whatever ran there is gone for certain, and state starts empty at each epoch.
void Coordinator::State::node_restarted(const NodeId& node) {
  desired.forget_reports(node);
  std::vector<TaskId> touched;
  for (const auto& instance : desired.instances(node)) touched.push_back(instance.task);
  for (const TaskId id : touched) {
    Task* task = tasks.find(id);
    if (task == nullptr || task->state != TaskState::placed) continue;
    if (task->standby && task->standby->node == node) {
      drop_standby(*task);
      fill(*task, {});
    }
    if (task->serving && task->serving->node == node) serving_died(*task, "the node started anew");
  }
}

/// What placed tasks lack may be there now.
void Coordinator::State::node_appeared() {
  for (auto& [id, task] : tasks.tasks())
    if (!task.retry_at.is_never() && action_for(task.state, TaskEvent::retry_due) == TaskAction::fill) fill(task, "a node appeared");
}

Instant Coordinator::State::silence_due(const NodeId& node, const Member& member) const {
  if (!broker_up || member.state != NodeState::present) return Instant::never();
  const Instant since = std::max(member.last_heard, broker_up_since);
  const auto* wish = desired.find(node);
  if (wish == nullptr || !wish->is_watched) return since + options.idle_silent_after;
  return std::max(since, wish->watched_since) + options.silent_after;
}

void Coordinator::State::look_for_silence() {
  std::vector<NodeId> due;
  for (const auto& [id, member] : members.members())
    if (silence_due(id, member) <= now) due.push_back(id);
  for (const NodeId& node : due)
    if (members.apply_silence(node)) node_gone(node, "silent");
}

}  // namespace proxima::coordinator

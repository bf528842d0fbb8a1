// Views for the planner, instances, placing and replacing.
#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/assert.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/core/coordinator_state.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {
namespace {

constexpr Duration retry_every = Duration::seconds(2);
constexpr Duration grace_of_client = Duration::seconds(2);     // to follow its standby before the coordinator does
constexpr Duration patience_before_placed = Duration::seconds(60);

std::uint32_t thousandths(double value) { return static_cast<std::uint32_t>(value * 1000 + 0.5); }

protocol::DesiredInstance instance_of(const Task& task, InstanceId id, Epoch epoch, protocol::Role role) {
  protocol::DesiredInstance out;
  out.instance = id;
  out.epoch = epoch;
  out.task = task.id;
  out.role = role;
  out.task_name = task.spec.name;
  out.module = task.spec.module;
  out.variant = std::string(variant);
  out.memory_mib = task.spec.memory_mib;
  out.functions = task.spec.functions;
  out.input = task.spec.input;
  out.deadline_us = thousandths(task.spec.contract.deadline_ms.value_or(0));
  out.rate_mhz = thousandths(task.spec.contract.rate_hz);
  return out;
}

}  // namespace

Machine machine_of(const protocol::Birth& birth) {
  return {birth.device_class + " @ " + std::to_string(birth.cpu_percent) + " %", birth.benchmark_us};
}

ServiceEstimate Coordinator::State::service_of(const ServiceKey& key, const NodeId& node) const {
  const Member* member = members.find(node);
  return member == nullptr ? ServiceEstimate{} : services.estimate(key, node, machine_of(member->birth));
}

/// Standbys count as if they served: they must be able to at any moment. Trials last a few frames and do not.
void Coordinator::State::add_load(const Task& task, const NodeId& id, NodeFacts& facts) const {
  for (const auto& instance : desired.instances(id)) {
    if (instance.task == task.id) continue;
    ++facts.instances;
    facts.memory_left_mib -= instance.memory_mib;
    if (instance.role == protocol::Role::trial) continue;
    const ServiceEstimate service = service_of({instance.task_name, instance.module}, id);
    const double frames_per_ms = instance.rate_mhz / 1e6;
    facts.load += frames_per_ms * service.mean_ms;
    facts.load_error += frames_per_ms * service.error_ms;
  }
}

NodeFacts Coordinator::State::facts_of(const Task& task, const NodeId& id, const Member& member) const {
  const protocol::Birth& birth = member.birth;
  NodeFacts out;
  out.id = id;
  out.name = birth.name;
  out.state = member.state;
  out.target = birth.target;
  out.device_class = machine_of(birth).device_class;
  out.build_error = builds.error({task.spec.module, birth.target, std::string(variant)});
  out.isolation = birth.isolation;
  out.functions = birth.functions;
  out.memory_left_mib = birth.memory_mib;
  out.failures = member.failures;
  out.losses = member.losses;
  if (const auto* measured = measurements.find(task.id, id)) out.measured = *measured;
  out.service = service_of({task.spec.name, task.spec.module}, id);
  add_load(task, id, out);
  if (const auto found = task.setbacks.find(id); found != task.setbacks.end() && found->second.until > now)
    (found->second.by_owner ? out.owner_refusal : out.failure) = found->second.reason;
  if (const auto left = task.left_at.find(id); left != task.left_at.end() && member.last_heard <= left->second && !out.failure)
    out.failure = "the stream left it, and it was not heard since";
  return out;
}

PlacementView Coordinator::State::view_of(const Task& task) const {
  PlacementView view;
  view.spec = task.spec;
  view.frame_bytes = task.frame_bytes;
  view.estimates_allowed = task.state == TaskState::placed;
  if (task.serving) view.keep_serving = task.serving->node;
  if (task.standby) view.keep_standby = task.standby->node;
  for (const auto& [id, member] : members.members()) view.nodes.push_back(facts_of(task, id, member));
  if (view.nodes.size() <= limits::candidates) return view;
  // More nodes than one task is judged on: first those that matter to it.
  const auto rank = [&](const NodeFacts& n) {
    const bool kept = n.id == view.keep_serving || n.id == view.keep_standby;
    return std::make_tuple(!kept, !admits(view, n), !n.measured.has_value(), n.id);
  };
  std::sort(view.nodes.begin(), view.nodes.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  view.nodes.resize(limits::candidates);
  std::sort(view.nodes.begin(), view.nodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return view;
}

Grant Coordinator::State::create(Task& task, const NodeId& node, protocol::Role role) {
  const Member* member = members.find(node);
  PROXIMA_ASSERT(member != nullptr);
  Grant grant{node, member->birth.name, InstanceId{next_id()}, TaskTable::next_epoch(task), role, member->birth.frames_endpoint, {}};
  desired.add(node, instance_of(task, grant.instance, grant.epoch, role), now);
  changed_nodes.insert(node);
  return grant;
}

void Coordinator::State::remove(const Grant& grant) {
  if (desired.remove(grant.node, grant.instance, now)) changed_nodes.insert(grant.node);
}

void Coordinator::State::place(Task& task, const Plan& plan) {
  task.state = TaskState::placed;
  task.serving = create(task, *plan.serving, protocol::Role::serving);
  task.last_node = plan.serving;
  if (plan.standby) task.standby = create(task, *plan.standby, protocol::Role::standby);
  else if (!task.is_pinned()) task.retry_at = now + retry_every;
  changed_tasks.insert(task.id);
}

void Coordinator::State::fill(Task& task, const std::string& reason) {
  task.retry_at = Instant::never();
  const bool needs_standby = !task.standby && !task.is_pinned();
  if (task.serving && !needs_standby) return;
  const PlacementView view = view_of(task);
  const Plan plan = decide(view);
  if (!task.serving && plan.serving) {
    task.serving = create(task, *plan.serving, protocol::Role::serving);
    TaskTable::add_move(task, {now, task.last_node.value_or(*plan.serving), *plan.serving, bounded(reason)});
    task.last_node = plan.serving;
    task.reason.clear();
    changed_tasks.insert(task.id);
  }
  if (needs_standby && plan.standby) {
    task.standby = create(task, *plan.standby, protocol::Role::standby);
    changed_tasks.insert(task.id);
  }
  if (!task.serving && task.reason.empty()) {
    task.reason = bounded("no node left: " + coordinator::explain(view).summary);
    changed_tasks.insert(task.id);
  }
  if (!task.serving || (!task.standby && !task.is_pinned())) task.retry_at = now + retry_every;
}

void Coordinator::State::drop_standby(Task& task) {
  remove(*task.standby);
  task.standby.reset();
  changed_tasks.insert(task.id);
}

void Coordinator::State::leave_serving(Task& task) {
  task.promote_at = Instant::never();
  if (!task.serving) return;
  remove(*task.serving);
  task.left_at[task.serving->node] = now;
  task.last_node = task.serving->node;
  task.serving.reset();
  changed_tasks.insert(task.id);
}

void Coordinator::State::take_standby(Task& task, const std::string& reason) {
  PROXIMA_ASSERT(task.standby && task.last_node);
  TaskTable::add_move(task, {now, *task.last_node, task.standby->node, bounded(reason)});
  task.serving = std::exchange(task.standby, std::nullopt);
  task.serving->role = protocol::Role::serving;
  task.last_node = task.serving->node;
  desired.set_role(task.serving->node, task.serving->instance, protocol::Role::serving, now);
  changed_nodes.insert(task.serving->node);
  changed_tasks.insert(task.id);
}

void Coordinator::State::promote(Task& task, const std::string& reason) {
  leave_serving(task);
  if (task.standby) take_standby(task, reason);
  fill(task, reason);
}

void Coordinator::State::serving_died(Task& task, const std::string& reason) {
  if (!task.client_decides() || !task.standby) return promote(task, reason);
  remove(*task.serving);
  if (task.promote_at.is_never()) task.promote_at = now + grace_of_client;
}

void Coordinator::State::end(Task& task, TaskState state, const std::string& reason) {
  for (const Grant& trial : task.trials) remove(trial);
  if (task.serving) remove(*task.serving);
  if (task.standby) remove(*task.standby);
  changed_tasks.insert(task.id);
  const std::vector<TaskId> forgotten = tasks.end(task, state, reason);
  for (const TaskId id : forgotten) measurements.forget(id);
  if (!forgotten.empty()) builds.keep_only(tasks.modules());
}

Instant Coordinator::State::task_due(const Task& task) const {
  if (is_over(task.state)) return Instant::never();
  if (task.state != TaskState::placed) return task.last_contact + patience_before_placed;
  const Instant lease_over = task.client_decides() ? task.last_contact + task.lease : Instant::never();
  return std::min({lease_over, task.retry_at, task.promote_at});
}

void Coordinator::State::look_at_tasks() {
  std::vector<TaskId> due;
  for (const auto& [id, task] : tasks.tasks())
    if (task_due(task) <= now) due.push_back(id);
  for (const TaskId id : due)
    if (Task* task = tasks.find(id)) act_on_time(*task);
}

void Coordinator::State::act_on_time(Task& task) {
  const Duration lease = task.state == TaskState::placed ? task.lease : patience_before_placed;
  if (lease.ns > 0 && task.last_contact + lease <= now && action_for(task.state, TaskEvent::lease_over) == TaskAction::stop)
    return end(task, TaskState::stopped, "its client was silent for " + one_decimal(lease.ms() / 1000) + " s");
  if (task.promote_at <= now) promote(task, "the serving instance died and the client did not follow its standby");
  if (task.retry_at <= now && action_for(task.state, TaskEvent::retry_due) == TaskAction::fill)
    fill(task, "no node was left before");
}

}  // namespace proxima::coordinator

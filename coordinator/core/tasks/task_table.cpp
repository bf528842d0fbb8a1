#include "coordinator/core/tasks/task_table.hpp"

#include <algorithm>

#include "common/protocol/limits.hpp"
#include "coordinator/core/fingerprint_of.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {
namespace {

constexpr Duration first_setback = Duration::seconds(10);
constexpr std::uint32_t most_doublings = 6;

void mix_grant(Fingerprint& print, const std::optional<Grant>& grant) {
  print.add(grant.has_value());
  if (!grant) return;
  mix(print, grant->node);
  mix(print, grant->instance);
  mix(print, grant->epoch);
}

void mix_task(Fingerprint& print, const Task& task) {
  mix(print, task.id);
  print.add(static_cast<std::uint32_t>(task.state));
  print.add(std::string_view(task.spec.name));
  mix(print, task.spec.module);
  mix(print, task.spec.contract.deadline_ms);
  print.add(task.spec.contract.rate_hz);
  print.add(task.spec.memory_mib);
  print.add(std::string_view(task.spec.pinned_node));
  print.add(task.dry_run);
  print.add(task.frame_bytes);
  mix(print, task.since);
  mix(print, task.last_contact);
  print.add(task.lease.ns);
  print.add(std::string_view(task.reason));
  mix_grant(print, task.serving);
  mix_grant(print, task.standby);
  mix_count(print, task.trials.size());
  for (const Grant& trial : task.trials) mix_grant(print, trial);
  mix(print, task.highest_epoch);
  for (const Move& move : task.moves) {
    mix(print, move.at);
    mix(print, move.from);
    mix(print, move.to);
    print.add(std::string_view(move.reason));
  }
  for (const auto& [node, setback] : task.setbacks) {
    mix(print, node);
    print.add(setback.failures);
    mix(print, setback.until);
  }
  for (const auto& [node, at] : task.left_at) {
    mix(print, node);
    mix(print, at);
  }
  mix(print, task.retry_at);
  mix(print, task.promote_at);
  print.add(task.first.has_value());
  if (task.first)
    for (const Candidate& candidate : task.first->candidates) {
      mix(print, candidate.node);
      mix(print, candidate.predicted_ms);
    }
  print.add(task.truth ? task.truth->frames : 0U);
}

}  // namespace

Task* TaskTable::add(TaskId id, const TaskRequested& request, Instant now) {
  if (tasks_.size() - ended_.size() >= limits::tasks) return nullptr;
  Task task;
  task.id = id;
  task.spec = request.spec;
  task.dry_run = request.dry_run;
  task.since = now;
  task.frame_bytes = request.frame_bytes;
  task.lease = Duration::millis(request.lease_ms);
  task.last_contact = now;
  return &tasks_.emplace(id, std::move(task)).first->second;
}

Task* TaskTable::find(TaskId id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

const Task* TaskTable::find(TaskId id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

void TaskTable::add_move(Task& task, const Move& move) {
  if (task.moves.size() == limits::moves_per_task) task.moves.erase(task.moves.begin());
  task.moves.push_back(move);
}

void TaskTable::add_setback(Task& task, const NodeId& node, bool by_owner, const std::string& reason, Instant now) {
  Setback& setback = task.setbacks[node];
  const std::uint32_t doublings = std::min(setback.failures, most_doublings);
  ++setback.failures;
  setback.until = now + first_setback * (std::int64_t{1} << doublings);
  setback.by_owner = by_owner;
  setback.reason = bounded(reason.empty() ? "no reason given" : reason);
}

std::vector<TaskId> TaskTable::end(Task& task, TaskState state, const std::string& reason) {
  task.state = state;
  task.reason = reason;
  task.serving.reset();
  task.standby.reset();
  task.trials.clear();
  task.retry_at = Instant::never();
  task.promote_at = Instant::never();
  ended_.push_back(task.id);
  std::vector<TaskId> forgotten;
  while (ended_.size() > limits::ended_tasks) {
    forgotten.push_back(ended_.front());
    tasks_.erase(ended_.front());
    ended_.pop_front();
  }
  return forgotten;
}

std::set<Digest> TaskTable::modules() const {
  std::set<Digest> out;
  for (const auto& [id, task] : tasks_) out.insert(task.spec.module);
  return out;
}

void TaskTable::fingerprint(Fingerprint& print) const {
  mix_count(print, tasks_.size());
  for (const auto& [id, task] : tasks_) mix_task(print, task);
  for (const TaskId id : ended_) mix(print, id);
}

}  // namespace proxima::coordinator

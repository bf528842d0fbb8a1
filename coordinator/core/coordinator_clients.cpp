// What clients ask. Each request gets exactly one reply.
#include <algorithm>
#include <utility>

#include "common/protocol/limits.hpp"
#include "coordinator/core/coordinator_state.hpp"
#include "coordinator/core/tasks/task_request.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {
namespace {

constexpr double longest_run_ms = 600'000;

Result<void> check(const std::vector<TrialResult>& trials) {
  if (trials.size() > limits::candidates) return fail("too many trials", "at most 3 nodes run one", "send each once");
  for (const TrialResult& trial : trials) {
    const std::string what = "cannot use the trial of instance " + to_text(trial.instance);
    if (trial.execute_ms.size() > limits::trial_runs || trial.queue_ms.size() > limits::trial_runs)
      return fail(what, "it has more than " + std::to_string(limits::trial_runs) + " runs", "send the first ones");
    if (trial.ok && trial.execute_ms.empty()) return fail(what, "it is ok but has no execute_ms", "send one a run");
    for (const auto* runs : {&trial.execute_ms, &trial.queue_ms})
      for (const double ms : *runs)
        if (!(ms >= 0 && ms <= longest_run_ms)) return fail(what, "a run is negative, not finite or absurdly long", "");
  }
  return {};
}

Result<void> check(const ClientReport& report) {
  for (const double ms : {report.e2e_p50_ms, report.e2e_p95_ms, report.network_p50_ms})
    if (!(ms >= 0 && ms <= 1e9)) return fail("cannot use the report", "a figure is negative or not finite", "send milliseconds");
  return {};
}

}  // namespace

void Coordinator::State::reply(RequestId request, std::variant<TaskAccepted, TrialsWanted, TaskAnswer, RequestRefused> body) {
  replies.push_back({request, std::move(body)});
}

void Coordinator::State::refuse(RequestId request, std::uint16_t code, const Error& error) {
  reply(request, RequestRefused{code, error.what, error.why, error.hint});
}

void Coordinator::State::on(const TaskRequested& event) {
  if (const auto fine = check(event); !fine) return refuse(event.request, 400, fine.error());
  Task* task = tasks.add(TaskId{next_id()}, event, now);
  if (task == nullptr)
    return refuse(event.request, 429, {"cannot take one more task", "the region runs as many as it can", "stop one, or try later"});
  changed_tasks.insert(task->id);
  builds.retry_failed(task->spec.module);
  const PlacementView view = view_of(*task);
  TaskAccepted accepted{task->id, {}};
  for (const NodeFacts& facts : view.nodes) {
    if (facts.state != NodeState::present) continue;
    const Member& member = *members.find(facts.id);
    request_build(*task, member);
    accepted.targets.push_back({facts.id, facts.name, member.birth.frames_endpoint, member.birth.echo_endpoint,
                                admits(view, facts)});
  }
  reply(event.request, std::move(accepted));
}

Task* Coordinator::State::admit(RequestId request, TaskId id, TaskEvent event, TaskAction& action) {
  Task* task = tasks.find(id);
  if (task == nullptr) {
    refuse(request, 404, {"no task " + to_text(id), "it was never asked for, or it ended long ago", "`proxima tasks` lists them"});
    return nullptr;
  }
  action = action_for(task->state, event);
  switch (action) {
    case TaskAction::conflict:
      refuse(request, 409, {std::string("cannot take ") + to_text(event) + " now",
                            std::string("the task is ") + to_text(task->state), "send what that state waits for first"});
      return nullptr;
    case TaskAction::answer:
      task->last_contact = now;
      reply(request, TaskAnswer{id});
      return nullptr;
    case TaskAction::answer_no_trials:
      reply(request, TrialsWanted{id, {}});
      return nullptr;
    default:
      task->last_contact = now;
      return task;
  }
}

void Coordinator::State::on(const MeasurementsReported& event) {
  if (const auto fine = coordinator::check(event.nodes); !fine) return refuse(event.request, 400, fine.error());
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::measured, action);
  if (task == nullptr) return;
  measurements.apply(task->id, event.nodes);
  if (action == TaskAction::remeasure) {
    if (!task->retry_at.is_never()) fill(*task, "the client measured anew");
    return reply(event.request, TrialsWanted{task->id, {}});
  }
  choose_trials(*task);
  reply(event.request, TrialsWanted{task->id, task->trials});
}

/// A repeated report finds the same nodes chosen and gets the same instances.
void Coordinator::State::choose_trials(Task& task) {
  const std::vector<NodeId> chosen = trial_candidates(view_of(task));
  std::vector<Grant> trials;
  for (const Grant& old : task.trials) {
    if (std::find(chosen.begin(), chosen.end(), old.node) == chosen.end()) remove(old);
  }
  for (const NodeId& node : chosen) {
    const auto old = std::find_if(task.trials.begin(), task.trials.end(), [&](const Grant& g) { return g.node == node; });
    trials.push_back(old != task.trials.end() ? *old : create(task, node, protocol::Role::trial));
  }
  task.trials = std::move(trials);
  if (task.state != TaskState::trying) changed_tasks.insert(task.id);
  task.state = TaskState::trying;
}

void Coordinator::State::on(const TrialsReported& event) {
  if (const auto fine = check(event.trials); !fine) return refuse(event.request, 400, fine.error());
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::tried, action);
  if (task == nullptr) return;
  learn(*task, event);
  conclude(*task);
  reply(event.request, TaskAnswer{event.task});
}

void Coordinator::State::learn(Task& task, const TrialsReported& event) {
  for (const TrialResult& trial : event.trials) {
    const auto grant = std::find_if(task.trials.begin(), task.trials.end(), [&](const Grant& g) {
      return g.instance == trial.instance && g.epoch == trial.epoch;
    });
    if (grant == task.trials.end()) continue;  // of an earlier choice
    const Member* member = members.find(grant->node);
    if (trial.ok && member != nullptr) {
      services.learn({task.spec.name, task.spec.module}, grant->node, machine_of(member->birth), figure_of(trial.execute_ms));
    } else if (const auto known = task.setbacks.find(grant->node); known == task.setbacks.end() || known->second.until <= now) {
      TaskTable::add_setback(task, grant->node, false, "the trial failed: " + trial.reason, now);
    }
  }
}

void Coordinator::State::conclude(Task& task) {
  PlacementView view = view_of(task);
  Plan plan = decide(view);
  if (!plan.serving || !plan.standby) {
    // What no trial could tell is better estimated from other device classes than refused.
    view.estimates_allowed = true;
    view.keep_serving = plan.serving;
    plan = decide(view);
  }
  task.first = coordinator::explain(view);
  for (const Grant& trial : task.trials) remove(trial);
  task.trials.clear();
  if (task.dry_run) return end(task, TaskState::stopped, "planned");
  if (!plan.serving) return end(task, TaskState::refused, task.first->summary);
  place(task, plan);
}

void Coordinator::State::on(const TakeoverReported& event) {
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::took_over, action);
  if (task == nullptr) return;
  if (event.to > task->highest_epoch)
    return refuse(event.request, 409, {"cannot take over to epoch " + std::to_string(event.to.value),
                                       "the highest given is " + std::to_string(task->highest_epoch.value), "ask for the task first"});
  if (task->standby && task->standby->epoch == event.to) {
    const std::string reason = event.reason.empty() ? "the client lost its session" : bounded(event.reason);
    leave_serving(*task);
    take_standby(*task, reason);
    fill(*task, {});
  }
  reply(event.request, TaskAnswer{event.task});
}

void Coordinator::State::on(const StandbyLost& event) {
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::standby_lost, action);
  if (task == nullptr) return;
  if (task->standby && task->standby->epoch == event.epoch) {
    TaskTable::add_setback(*task, task->standby->node, false, "the client lost its session to it", now);
    drop_standby(*task);
    fill(*task, {});
  }
  reply(event.request, TaskAnswer{event.task});
}

void Coordinator::State::on(const ClientReport& event) {
  if (const auto fine = check(event); !fine) return refuse(event.request, 400, fine.error());
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::reported, action);
  if (task == nullptr) return;
  task->truth = event;
  reply(event.request, TaskAnswer{event.task});
}

void Coordinator::State::on(const StopRequested& event) {
  TaskAction action{};
  Task* task = admit(event.request, event.task, TaskEvent::stop_asked, action);
  if (task == nullptr) return;
  end(*task, TaskState::stopped, event.reason.empty() ? "its client asked for it" : bounded(event.reason));
  reply(event.request, TaskAnswer{event.task});
}

}  // namespace proxima::coordinator

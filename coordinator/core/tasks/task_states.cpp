#include "coordinator/core/tasks/task_states.hpp"

#include <algorithm>

namespace proxima::coordinator {
namespace {

struct Row {
  TaskState state;
  TaskEvent event;
  TaskAction action;
};

using S = TaskState;
using E = TaskEvent;
using A = TaskAction;

constexpr std::array<Row, task_states * task_events> rows{{
    {S::measuring, E::measured, A::choose_trials},
    {S::measuring, E::tried, A::conflict},
    {S::measuring, E::took_over, A::conflict},
    {S::measuring, E::standby_lost, A::conflict},
    {S::measuring, E::reported, A::renew},
    {S::measuring, E::stop_asked, A::stop},
    {S::measuring, E::lease_over, A::stop},
    {S::measuring, E::build_failed, A::refuse},
    {S::measuring, E::serving_gone, A::ignore},
    {S::measuring, E::standby_gone, A::ignore},
    {S::measuring, E::retry_due, A::ignore},

    {S::trying, E::measured, A::choose_trials},
    {S::trying, E::tried, A::conclude},
    {S::trying, E::took_over, A::conflict},
    {S::trying, E::standby_lost, A::conflict},
    {S::trying, E::reported, A::renew},
    {S::trying, E::stop_asked, A::stop},
    {S::trying, E::lease_over, A::stop},
    {S::trying, E::build_failed, A::refuse},
    {S::trying, E::serving_gone, A::ignore},
    {S::trying, E::standby_gone, A::ignore},
    {S::trying, E::retry_due, A::ignore},

    {S::placed, E::measured, A::remeasure},
    {S::placed, E::tried, A::answer},
    {S::placed, E::took_over, A::ratify},
    {S::placed, E::standby_lost, A::replace_standby},
    {S::placed, E::reported, A::renew},
    {S::placed, E::stop_asked, A::stop},
    {S::placed, E::lease_over, A::stop},
    {S::placed, E::build_failed, A::ignore},
    {S::placed, E::serving_gone, A::promote},
    {S::placed, E::standby_gone, A::replace_standby},
    {S::placed, E::retry_due, A::fill},

    {S::refused, E::measured, A::answer_no_trials},
    {S::refused, E::tried, A::answer},
    {S::refused, E::took_over, A::answer},
    {S::refused, E::standby_lost, A::answer},
    {S::refused, E::reported, A::answer},
    {S::refused, E::stop_asked, A::answer},
    {S::refused, E::lease_over, A::ignore},
    {S::refused, E::build_failed, A::ignore},
    {S::refused, E::serving_gone, A::ignore},
    {S::refused, E::standby_gone, A::ignore},
    {S::refused, E::retry_due, A::ignore},

    {S::stopped, E::measured, A::answer_no_trials},
    {S::stopped, E::tried, A::answer},
    {S::stopped, E::took_over, A::answer},
    {S::stopped, E::standby_lost, A::answer},
    {S::stopped, E::reported, A::answer},
    {S::stopped, E::stop_asked, A::answer},
    {S::stopped, E::lease_over, A::ignore},
    {S::stopped, E::build_failed, A::ignore},
    {S::stopped, E::serving_gone, A::ignore},
    {S::stopped, E::standby_gone, A::ignore},
    {S::stopped, E::retry_due, A::ignore},
}};

constexpr std::size_t place_of(S state, E event) {
  return static_cast<std::size_t>(state) * task_events + static_cast<std::size_t>(event);
}

constexpr bool complete() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (place_of(rows[i].state, rows[i].event) != i) return false;
  return true;
}
static_assert(complete(), "every state has a row for every event, in order");

}  // namespace

TaskAction action_for(TaskState state, TaskEvent event) { return rows[place_of(state, event)].action; }

const char* to_text(TaskEvent event) {
  switch (event) {
    case E::measured: return "measurements";
    case E::tried: return "trials";
    case E::took_over: return "takeover";
    case E::standby_lost: return "standby-lost";
    case E::reported: return "report";
    case E::stop_asked: return "stop";
    case E::lease_over: return "lease over";
    case E::build_failed: return "build failed";
    case E::serving_gone: return "serving gone";
    case E::standby_gone: return "standby gone";
    case E::retry_due: return "retry due";
  }
  return "unknown";
}

}  // namespace proxima::coordinator

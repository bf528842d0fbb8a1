// The life of a task as a table: for every state and every event what is to be done. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "coordinator/core/coordinator.hpp"

namespace proxima::coordinator {

/// All that can happen to a task after it was accepted.
enum class TaskEvent : std::uint8_t {
  measured,       ///< its client sent measurements
  tried,          ///< its client sent what the trials gave
  took_over,      ///< its client follows the standby
  standby_lost,   ///< its client lost the session to the standby
  reported,       ///< its client renews the lease
  stop_asked,
  lease_over,     ///< its client was silent for too long
  build_failed,   ///< for all nodes that are there
  serving_gone,   ///< its serving instance failed, or its node is gone
  standby_gone,
  retry_due,      ///< time to look again for what is missing, or a node appeared
};
inline constexpr std::size_t task_events = 11;
inline constexpr std::size_t task_states = 5;

enum class TaskAction : std::uint8_t {
  ignore,
  answer,           ///< with the task as it stands
  answer_no_trials, ///< nothing is to be tried any more
  conflict,         ///< the client is ahead of itself
  choose_trials,
  conclude,         ///< learn from the trials and decide
  remeasure,        ///< of a placed task: fresher figures for the next decision
  ratify,           ///< the standby serves, a new one is chosen
  replace_standby,
  promote,          ///< the standby serves or the task is placed anew, without the client
  fill,             ///< choose what is missing
  renew,
  stop,
  refuse,
};

/// The row of (state, event).
[[nodiscard]] TaskAction action_for(TaskState state, TaskEvent event);

[[nodiscard]] const char* to_text(TaskEvent event);

/// True for refused and stopped: nothing runs and nothing will.
[[nodiscard]] constexpr bool is_over(TaskState state) { return state == TaskState::refused || state == TaskState::stopped; }

}  // namespace proxima::coordinator

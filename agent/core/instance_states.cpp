#include "agent/core/instance_states.hpp"

#include <array>

namespace proxima::agent {
namespace {

using S = Stage;
using Row = std::array<Transition, happenings>;

constexpr Transition keep(S stage) { return {stage, Step::none}; }

// Columns in the order of Happening: withdrawn, object_ready, object_missing, object_bad, retry_due, room, worker_ready,
// worker_gone, drained, drain_due.
constexpr std::array<Row, stages> table = {{
    /* fetching */
    {{{S::gone, Step::cancel_fetch}, {S::held, Step::none}, {S::backing_off, Step::arm_retry}, {S::failed, Step::none},
      keep(S::fetching), keep(S::fetching), keep(S::fetching), keep(S::fetching), keep(S::fetching), keep(S::fetching)}},
    /* backing_off */
    {{{S::gone, Step::none}, keep(S::backing_off), keep(S::backing_off), keep(S::backing_off), {S::fetching, Step::fetch},
      keep(S::backing_off), keep(S::backing_off), keep(S::backing_off), keep(S::backing_off), keep(S::backing_off)}},
    /* held */
    {{{S::gone, Step::none}, keep(S::held), keep(S::held), keep(S::held), keep(S::held), {S::starting, Step::start_worker},
      keep(S::held), keep(S::held), keep(S::held), keep(S::held)}},
    /* starting: nothing of it is in a client's hand yet, so it need not drain */
    {{{S::stopping, Step::stop_worker}, keep(S::starting), keep(S::starting), keep(S::starting), keep(S::starting),
      keep(S::starting), {S::ready, Step::none}, {S::failed, Step::none}, keep(S::starting), keep(S::starting)}},
    /* ready */
    {{{S::draining, Step::arm_drain}, keep(S::ready), keep(S::ready), keep(S::ready), keep(S::ready), keep(S::ready),
      keep(S::ready), {S::failed, Step::none}, keep(S::ready), keep(S::ready)}},
    /* draining */
    {{keep(S::draining), keep(S::draining), keep(S::draining), keep(S::draining), keep(S::draining), keep(S::draining),
      keep(S::draining), {S::gone, Step::none}, {S::stopping, Step::stop_worker}, {S::stopping, Step::stop_worker}}},
    /* stopping: a worker that became ready meanwhile is told already */
    {{keep(S::stopping), keep(S::stopping), keep(S::stopping), keep(S::stopping), keep(S::stopping), keep(S::stopping),
      keep(S::stopping), {S::gone, Step::none}, keep(S::stopping), keep(S::stopping)}},
    /* failed: stays until desired state changes; the coordinator decides about another try */
    {{{S::gone, Step::none}, keep(S::failed), keep(S::failed), keep(S::failed), keep(S::failed), keep(S::failed),
      keep(S::failed), keep(S::failed), keep(S::failed), keep(S::failed)}},
    /* refused */
    {{{S::gone, Step::none}, keep(S::refused), keep(S::refused), keep(S::refused), keep(S::refused), keep(S::refused),
      keep(S::refused), keep(S::refused), keep(S::refused), keep(S::refused)}},
    /* gone */
    {{keep(S::gone), keep(S::gone), keep(S::gone), keep(S::gone), keep(S::gone), keep(S::gone), keep(S::gone),
      keep(S::gone), keep(S::gone), keep(S::gone)}},
}};

}  // namespace

Transition transition(Stage stage, Happening happening) {
  return table[static_cast<std::size_t>(stage)][static_cast<std::size_t>(happening)];
}

std::optional<protocol::InstanceState> wire_state(Stage stage) {
  using W = protocol::InstanceState;
  switch (stage) {
    case S::fetching:
    case S::backing_off: return W::fetching;
    case S::held:
    case S::starting: return W::starting;
    case S::ready: return W::ready;
    case S::draining:
    case S::stopping: return std::nullopt;
    case S::failed: return W::failed;
    case S::refused: return W::refused;
    case S::gone: return W::stopped;
  }
  return std::nullopt;
}

bool holds_memory(Stage stage) {
  return stage == S::starting || stage == S::ready || stage == S::draining || stage == S::stopping;
}

bool is_admitted(Stage stage) {
  return stage == S::fetching || stage == S::backing_off || stage == S::held || stage == S::starting || stage == S::ready;
}

bool is_leaving(Stage stage) { return stage == S::draining || stage == S::stopping || stage == S::gone; }

const char* to_text(Stage stage) {
  switch (stage) {
    case S::fetching: return "fetching";
    case S::backing_off: return "backing off";
    case S::held: return "held";
    case S::starting: return "starting";
    case S::ready: return "ready";
    case S::draining: return "draining";
    case S::stopping: return "stopping";
    case S::failed: return "failed";
    case S::refused: return "refused";
    case S::gone: return "gone";
  }
  return "unknown";
}

}  // namespace proxima::agent

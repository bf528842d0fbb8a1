// Planted bugs: each corrupts one effect or message on its way, so that the invariant that watches for it must fire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/sim/checks.hpp"

namespace proxima::sim {

enum class Plant : std::uint8_t {
  none,
  stale_result,    ///< a result of an old epoch is relabelled as one of the present epoch
  reused_epoch,    ///< a desired state carries an epoch that is one too low
  two_nodes,       ///< a desired state reaches a second node too
  lost_outcome,    ///< a frame's end is not told
  second_outcome,  ///< a frame's end is told twice
  out_of_order,    ///< a result is held back until after the next one
  understated,     ///< a desired state understates the memory
  lost_payload,    ///< a payload that must be kept is dropped
  second_reply,    ///< a request is answered twice
  stuck_task,      ///< the coordinator's timer never fires
  deaf_node,       ///< a node's commands are lost from some time on
  wrong_instance,  ///< clients hear nothing of changes, nor the coordinator of takeovers
};

struct PlantRow {
  Plant plant;
  std::string_view name;
  std::string_view breaks;  ///< the invariant that must fire
};

inline constexpr std::array<PlantRow, 12> plants{{
    {Plant::stale_result, "stale-result", invariant::one_epoch},
    {Plant::reused_epoch, "reused-epoch", invariant::epochs_grow},
    {Plant::two_nodes, "two-nodes", invariant::one_node},
    {Plant::lost_outcome, "lost-outcome", invariant::one_outcome},
    {Plant::second_outcome, "second-outcome", invariant::one_outcome},
    {Plant::out_of_order, "out-of-order", invariant::one_outcome},
    {Plant::understated, "understated", invariant::memory},
    {Plant::lost_payload, "lost-payload", invariant::payload},
    {Plant::second_reply, "second-reply", invariant::one_reply},
    {Plant::stuck_task, "stuck-task", invariant::task_ends},
    {Plant::deaf_node, "deaf-node", invariant::converges},
    {Plant::wrong_instance, "wrong-instance", invariant::served},
}};

}  // namespace proxima::sim

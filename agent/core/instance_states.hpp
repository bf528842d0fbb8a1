// The life of an instance as a table: every (stage, happening) pair has a row. Pure; used by the supervisor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/protocol/control.hpp"

namespace proxima::agent {

enum class Stage : std::uint8_t {
  fetching,     ///< the object is asked for
  backing_off,  ///< it was not to be had; asked again at a set time
  held,         ///< the object is here; memory of instances that leave is not free yet
  starting,     ///< the worker is being made
  ready,        ///< frames are taken
  draining,     ///< no longer wanted; the frame in the worker's hand may end
  stopping,     ///< the worker was told to end
  failed,
  refused,
  gone,         ///< leaves the table
};
inline constexpr std::size_t stages = 10;

enum class Happening : std::uint8_t {
  withdrawn,       ///< desired state no longer has it
  object_ready,
  object_missing,  ///< for now
  object_bad,      ///< for good
  retry_due,
  room,            ///< the memory it needs is free
  worker_ready,
  worker_gone,
  drained,         ///< no frame is in the worker's hand
  drain_due,       ///< the frame in hand took too long
};
inline constexpr std::size_t happenings = 10;

/// What the supervisor does on the way.
enum class Step : std::uint8_t { none, fetch, cancel_fetch, arm_retry, start_worker, arm_drain, stop_worker };

struct Transition {
  Stage next;
  Step step;
};

/// The row for this pair. A happening that means nothing in a stage (an answer that comes after a cancel) keeps it.
[[nodiscard]] Transition transition(Stage stage, Happening happening);

/// What the region is told; nullopt while an instance leaves.
[[nodiscard]] std::optional<protocol::InstanceState> wire_state(Stage stage);

/// True if a worker may exist, so that its memory counts as used.
[[nodiscard]] bool holds_memory(Stage stage);
/// True if the instance counts against what the owner gives: it runs or is on its way to.
[[nodiscard]] bool is_admitted(Stage stage);
/// True once it was withdrawn.
[[nodiscard]] bool is_leaving(Stage stage);

[[nodiscard]] const char* to_text(Stage stage);

}  // namespace proxima::agent

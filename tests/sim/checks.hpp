// The invariants. Each observation is judged at once by what the simulation itself saw, not by what a core says of
// itself; a broken one is thrown as a Violation that names it. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/core/events.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "coordinator/core/effects.hpp"
#include "sdk/core/effects.hpp"

namespace proxima::sim {

struct Violation : std::runtime_error {
  Violation(std::string name, const std::string& what) : std::runtime_error(what), invariant(std::move(name)) {}
  std::string invariant;
};

namespace invariant {
inline constexpr const char* one_epoch = "one-epoch";      // no results of two epochs at once, none lower than one obeyed
inline constexpr const char* epochs_grow = "epochs-grow";  // of a task, each given once
inline constexpr const char* one_node = "one-node";        // no (instance, epoch) runs on two nodes
inline constexpr const char* one_outcome = "one-outcome";  // of each frame, in time; results in order
inline constexpr const char* memory = "memory";            // workers stay within the owner's gift
inline constexpr const char* payload = "payload";          // a frame that is handed over still has its bytes
inline constexpr const char* one_reply = "one-reply";      // to each request
inline constexpr const char* task_ends = "task-ends";      // placed, refused with reasons, or stopped
inline constexpr const char* converges = "converges";      // after healing, agents run exactly what is desired
inline constexpr const char* served = "served";            // after healing, each client by the instance that is named
}  // namespace invariant

/// What the coordinator gives.
class EpochCheck {
 public:
  /// The desired states that one event brought about.
  void given(const std::vector<coordinator::SendDesired>& batch);
  /// What instances of this life really take.
  [[nodiscard]] std::uint32_t memory_of(const agent::InstanceKey& key) const;

 private:
  struct Given {
    NodeId node;
    TaskId task;
    std::uint32_t memory_mib = 0;
  };
  std::map<agent::InstanceKey, Given> given_;
  std::map<TaskId, Epoch> highest_;
};

/// Where workers run.
class WorkerCheck {
 public:
  void started(std::size_t node, const agent::InstanceKey& key, std::uint32_t memory_mib, std::uint32_t gift_mib);
  void ended(std::size_t node, const agent::InstanceKey& key);
  void node_died(std::size_t node) { alive_.erase(node); }

 private:
  std::map<agent::InstanceKey, std::size_t> node_of_;
  std::map<std::size_t, std::map<agent::InstanceKey, std::uint32_t>> alive_;
};

/// One client's stream.
class StreamCheck {
 public:
  void submitted(std::uint64_t sequence, Instant until);
  /// A frame left under this epoch.
  void obeyed(Epoch epoch);
  /// `made_by`: who really executed what has just been received.
  void ended(const stream::FrameEnded& frame, const std::optional<agent::InstanceKey>& made_by);
  /// No frame waits for longer than it may.
  void at(Instant now) const;
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  std::map<std::uint64_t, Instant> open_;
  std::uint64_t submitted_ = 0;
  std::uint64_t delivered_ = 0;
  Epoch obeyed_;
};

}  // namespace proxima::sim

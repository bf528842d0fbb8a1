// Every task: its state, its epochs, its moves, and what went wrong for it where. Owned by the coordinator's core.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "coordinator/core/coordinator.hpp"
#include "coordinator/core/effects.hpp"

namespace proxima::coordinator {

/// What went wrong for one task on one node: the node is left alone for 10 s × 2^(failures − 1).
struct Setback {
  std::uint32_t failures = 0;
  Instant until;
  bool by_owner = false;       ///< refused by the owner's limits, else failed
  std::string reason;
};

/// What the coordinator shows of a task, and what only it needs.
struct Task : TaskView {
  std::uint32_t frame_bytes = 0;
  Duration lease;                          ///< 0: never stopped for its client's silence
  Instant last_contact;                    ///< with its client
  std::vector<Grant> trials;
  std::map<NodeId, Setback> setbacks;
  std::map<NodeId, Instant> left_at;       ///< nodes that the stream left, when; cleared where they are heard after it
  std::optional<NodeId> last_node;         ///< that served; the `from` of a move when nothing serves
  Instant retry_at = Instant::never();     ///< something is missing: look again
  Instant promote_at = Instant::never();   ///< the serving instance is dead; the client has until then to say so first

  [[nodiscard]] bool client_decides() const { return lease.ns > 0; }
  [[nodiscard]] bool is_pinned() const { return !spec.pinned_node.empty(); }
};

class TaskTable {
 public:
  /// nullptr where as many tasks run as can be.
  Task* add(TaskId id, const TaskRequested& request, Instant now);
  [[nodiscard]] Task* find(TaskId id);
  [[nodiscard]] const Task* find(TaskId id) const;
  [[nodiscard]] const std::map<TaskId, Task>& tasks() const { return tasks_; }
  [[nodiscard]] std::map<TaskId, Task>& tasks() { return tasks_; }

  /// The next epoch of a task: above all before it.
  [[nodiscard]] static Epoch next_epoch(Task& task) { return Epoch{++task.highest_epoch.value}; }
  static void add_move(Task& task, const Move& move);
  static void add_setback(Task& task, const NodeId& node, bool by_owner, const std::string& reason, Instant now);

  /// The task is over. Returns those that are forgotten now to make room.
  [[nodiscard]] std::vector<TaskId> end(Task& task, TaskState state, const std::string& reason);
  /// The modules of all tasks that are remembered.
  [[nodiscard]] std::set<Digest> modules() const;
  void fingerprint(Fingerprint& print) const;

 private:
  std::map<TaskId, Task> tasks_;
  std::deque<TaskId> ended_;  // oldest first
};

}  // namespace proxima::coordinator

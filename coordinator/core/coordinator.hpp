// One region's decisions: events in, effects out, time as an argument. No clock, file, socket, thread or entropy.
// Owned by the coordinator's driver (or the simulator) and used on its loop thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "coordinator/core/decision.hpp"
#include "coordinator/core/effects.hpp"
#include "coordinator/core/events.hpp"

namespace proxima::coordinator {

enum class NodeState : std::uint8_t { present, silent, lost };
enum class TaskState : std::uint8_t { measuring, trying, placed, refused, stopped };

[[nodiscard]] const char* to_text(NodeState state);
[[nodiscard]] const char* to_text(TaskState state);

/// An instance as last reported by its node.
struct InstanceView {
  protocol::DesiredInstance desired;
  NodeId node;
  std::optional<protocol::InstanceReport> report;
};

struct NodeView {
  NodeId id;
  NodeState state = NodeState::present;
  protocol::Birth birth;
  std::optional<protocol::Beat> last_beat;
  Instant last_heard;
  std::vector<InstanceView> instances;
};

struct Move {
  Instant at;
  NodeId from;
  NodeId to;
  std::string reason;
};

struct TaskView {
  TaskId id;
  TaskState state = TaskState::measuring;
  protocol::TaskSpec spec;
  bool dry_run = false;
  Instant since;                       ///< of the request
  std::string reason;                  ///< of refused and stopped
  std::optional<Decision> first;       ///< the first decision, as taken
  std::optional<Grant> serving;
  std::optional<Grant> standby;
  Epoch highest_epoch;                 ///< ever given for this task
  std::vector<Move> moves;
  std::optional<ClientReport> truth;   ///< the client's latest figures
};

struct CoordinatorOptions {
  std::uint64_t term = 1;              ///< of Desired: grows with each start
  std::uint64_t seed = 0;              ///< of the one Prng
  Duration silent_after = Duration::millis(3500);   ///< without a beat while serving
  Duration idle_silent_after = Duration::seconds(25);
};

class Coordinator {
 public:
  explicit Coordinator(const CoordinatorOptions& options);
  ~Coordinator();
  Coordinator(Coordinator&&) noexcept;
  Coordinator& operator=(Coordinator&&) noexcept;

  void handle(const Event& event, Instant now, Effects& out);
  void on_time(Instant now, Effects& out);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] std::uint64_t digest() const;

  [[nodiscard]] std::vector<NodeView> nodes() const;
  [[nodiscard]] std::vector<TaskView> tasks() const;
  [[nodiscard]] std::optional<TaskView> task(TaskId id) const;
  [[nodiscard]] std::optional<NodeView> node(const NodeId& id) const;
  /// Every node, all reasons, from the same view that decide() uses now; nullopt for an unknown task.
  [[nodiscard]] std::optional<Decision> explain(TaskId id) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace proxima::coordinator

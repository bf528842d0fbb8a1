// A coordinator with the default lab's nodes, and clients' calls as plain functions. No fakes: events in, effects out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/coordinator.hpp"

namespace proxima::coordinator::test {

/// What a node of the lab is and how far it is from the client.
struct LabNode {
  std::string name;
  double rtt_ms = 1;
  double rtt_error_ms = 0.1;
  double rate_mbit = 1000;
  std::uint32_t memory_mib = 256;
  std::vector<std::string> functions;
  std::uint8_t cpu_percent = 100;
  std::string device_class = "one cpu";
  std::string target = "x86_64-linux-gnu";
  std::uint32_t benchmark_us = 5000;
  protocol::Isolation isolation = protocol::Isolation::full;
};

/// The five nodes of the default lab, as a client would measure them.
[[nodiscard]] std::vector<LabNode> default_lab();

[[nodiscard]] NodeId node_id(std::string_view name);
[[nodiscard]] Digest digest_of(std::uint8_t byte);

/// 320×240 grey frames at 30 Hz within 20 ms.
[[nodiscard]] TaskRequested motion();
/// JPEGs of 79 kB at 4 Hz within 250 ms, with the vision function.
[[nodiscard]] TaskRequested detect();

class Region {
 public:
  explicit Region(const CoordinatorOptions& options = {});

  /// Handles one event now; what came out is in `out` (the last event's) and in `desired`.
  void handle(const Event& event);
  void pass(Duration time);  ///< with every deadline on the way
  /// Time passes while these nodes beat once a second.
  void pass_with_beats(Duration time, const std::vector<std::string>& beating);

  void birth(const LabNode& node, std::uint64_t incarnation = 1);
  void births(const std::vector<LabNode>& lab);
  void lose(const std::string& node, std::uint64_t incarnation = 1);
  void beat(const std::string& node, std::uint64_t incarnation = 1);
  void report(const std::string& node, InstanceId instance, Epoch epoch, protocol::InstanceState state,
              std::uint64_t incarnation = 1);

  TaskId request(TaskRequested request);
  /// Measures every node of the lab; the trials wanted.
  std::vector<Grant> measure(TaskId task, const std::vector<LabNode>& lab);
  /// Reports three runs of this time for each grant; the task as it then is.
  TaskView try_out(TaskId task, const std::vector<Grant>& trials, const std::map<std::string, double>& execute_ms);
  /// All three steps; every trial takes `execute_ms`.
  TaskView run(const TaskRequested& request, const std::vector<LabNode>& lab, double execute_ms);
  TaskView take_over(TaskId task, Epoch to, const std::string& reason = "session lost");
  TaskView lose_standby(TaskId task, Epoch epoch);

  /// The reply of the last event, which must have had one of this kind.
  template <class Body>
  const Body& reply() const;
  [[nodiscard]] TaskView task(TaskId id) const { return coordinator.task(id).value(); }
  [[nodiscard]] std::string name_of(const std::optional<Grant>& grant) const { return grant ? grant->node_name : "none"; }
  [[nodiscard]] const std::vector<protocol::DesiredInstance>& desired_on(const std::string& node);

  Coordinator coordinator;
  Instant now{1'000'000'000};
  Effects out;
  std::map<NodeId, protocol::Desired> desired;  ///< the last wish sent to each node
  std::size_t wishes_sent = 0;

 private:
  void note();
  std::uint64_t requests_ = 0;
  std::map<std::string, std::uint32_t> beats_;
};

/// Finds a node's row in a decision by name.
[[nodiscard]] const Candidate& row(const Decision& decision, std::string_view name);
/// "deadline_ms,memory_mib": what blocks a candidate.
[[nodiscard]] std::string blocks(const Candidate& candidate);

template <class Body>
const Body& Region::reply() const {
  for (const Effect& effect : out)
    if (const auto* found = std::get_if<Reply>(&effect)) return std::get<Body>(found->body);
  throw std::runtime_error("the event had no reply");
}

}  // namespace proxima::coordinator::test

// From a task's description to a decision: upload, ask whom to measure, measure, try, report. Blocking, on the caller's
// thread, with a loop of its own for the probes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::client {

struct PlaceJob {
  const TaskDescription& task;
  const FrameView& first;
  const PlaceOptions& options;
  bool dry_run = false;
};

class Placer {
 public:
  Placer(ApiClient& api, io::ZmqContext& context) : api_(api), context_(context) {}

  /// A task that no node can take is a Placement with `placed` false. Where a step fails the task is stopped again.
  Expected<Placement> place(const PlaceJob& job);

 private:
  Expected<TaskInfo> measure_and_try(const PlaceJob& job, const Accepted& accepted);
  std::vector<Measurement> measure(const PlaceJob& job, const std::vector<Target>& targets);
  void measure_rates(const PlaceJob& job, const std::vector<Target>& targets, std::vector<Measurement>& nodes);
  std::vector<Trial> run_trials(const PlaceJob& job, const std::vector<GrantInfo>& grants);

  ApiClient& api_;
  io::ZmqContext& context_;
  io::Loop loop_;
};

/// What the coordinator is told of a task; checks what the wire cannot carry.
[[nodiscard]] Expected<protocol::TaskSpec> spec_of(const TaskDescription& task, const PlaceOptions& options);

}  // namespace proxima::client

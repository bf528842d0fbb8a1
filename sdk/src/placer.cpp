#include "sdk/src/placer.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/src/echo_probe.hpp"
#include "sdk/src/transfer_probe.hpp"
#include "sdk/src/trial_runner.hpp"

namespace proxima::client {

namespace {

constexpr std::size_t rates_least = 4;   // measured even where they cannot win: the region may need them after a fault
constexpr std::size_t rates_most = 8;

void tell(const PlaceOptions& options, const std::string& step) {
  if (options.on_progress) options.on_progress(step);
}

}  // namespace

Expected<protocol::TaskSpec> spec_of(const TaskDescription& task, const PlaceOptions& options) {
  const auto usage = [](std::string what, std::string why) {
    return Problem{ProblemKind::usage, std::move(what), std::move(why), ""};
  };
  if (!is_name(task.name)) return usage("the task's name cannot be used", "it must match [a-z0-9][a-z0-9-]{0,31}");
  if (task.module.empty()) return usage("task " + task.name + " has no module", "it is empty");
  if (task.module.size() > limits::module_bytes) return usage("the module is too large", "at most 4 MiB are allowed");
  protocol::TaskSpec spec;
  spec.name = task.name;
  spec.version = task.version;
  spec.module = io::sha256(task.module);
  spec.contract.rate_hz = task.rate_hz;
  if (options.with_contract) {
    spec.contract.deadline_ms = task.deadline_ms;
    spec.contract.p95_ms = task.p95_ms;
  }
  spec.memory_mib = task.memory_mib;
  spec.functions = task.functions;
  spec.input.format = static_cast<protocol::FrameFormat>(task.input.format);
  spec.input.width = task.input.width;
  spec.input.height = task.input.height;
  spec.input.quality = task.input.quality;
  spec.input.max_bytes = task.input.max_bytes;
  spec.pinned_node = options.pinned_node;
  return spec;
}

Expected<Placement> Placer::place(const PlaceJob& job) {
  Expected<protocol::TaskSpec> spec = spec_of(job.task, job.options);
  if (!spec) return spec.error();
  tell(job.options, "uploading " + job.task.name);
  if (auto put = api_.put_blob(spec->module, job.task.module); !put) return put.error();
  TaskRequest request;
  request.spec = *spec;
  request.frame_bytes = static_cast<std::uint32_t>(job.first.bytes.size());
  request.dry_run = job.dry_run;
  request.lease_ms = job.options.lease_ms;
  const Expected<Accepted> accepted = api_.request_task(request);
  if (!accepted) return accepted.error();
  Expected<TaskInfo> task = measure_and_try(job, *accepted);
  if (!task) {
    static_cast<void>(api_.stop(accepted->task));  // best effort: the lease, or nobody, would end it otherwise
    return task.error();
  }
  Placement out;
  out.task = task->id;
  out.name = task->name;
  out.reason = task->reason;
  if (task->decision) out.decision = std::move(*task->decision);
  out.placed = job.dry_run ? out.decision.placed_on.has_value() : task->state == "placed";
  return out;
}

Expected<TaskInfo> Placer::measure_and_try(const PlaceJob& job, const Accepted& accepted) {
  tell(job.options, "measuring " + std::to_string(accepted.targets.size()) + " nodes for " + job.task.name);
  const std::vector<Measurement> nodes = measure(job, accepted.targets);
  const Expected<std::vector<GrantInfo>> grants = api_.report_measurements(accepted.task, nodes);
  if (!grants) return grants.error();
  return api_.report_trials(accepted.task, run_trials(job, *grants));
}

std::vector<Measurement> Placer::measure(const PlaceJob& job, const std::vector<Target>& targets) {
  std::vector<Measurement> nodes(targets.size());
  std::vector<std::string> endpoints;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    nodes[i].node = targets[i].node;
    endpoints.push_back(targets[i].echo);
  }
  if (targets.empty()) return nodes;
  EchoProbe probe(loop_, endpoints, {}, [&](const std::vector<EchoFigures>& figures) {
    for (std::size_t i = 0; i < figures.size(); ++i) {
      nodes[i].reachable = figures[i].reachable;
      nodes[i].rtt_ms = figures[i].rtt_ms;
      nodes[i].rtt_error_ms = figures[i].error_ms;
    }
    loop_.stop();
  });
  loop_.run();
  measure_rates(job, targets, nodes);
  return nodes;
}

// One node at a time, nearest first: two transfers at once would share the line at the client.
void Placer::measure_rates(const PlaceJob& job, const std::vector<Target>& targets, std::vector<Measurement>& nodes) {
  std::vector<std::size_t> order(nodes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return !nodes[i].reachable || !targets[i].transfer_useful; });
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return nodes[a].rtt_ms < nodes[b].rtt_ms; });
  std::vector<double> totals_ms;
  for (const std::size_t i : order) {
    Measurement& node = nodes[i];
    if (totals_ms.size() >= rates_most) return;
    if (job.options.with_contract && job.task.deadline_ms && node.rtt_ms > *job.task.deadline_ms) return;
    if (totals_ms.size() >= rates_least) {
      std::sort(totals_ms.begin(), totals_ms.end());
      if (node.rtt_ms > totals_ms[1]) return;  // neither the best nor the standby any more
    }
    TransferPlan plan;
    plan.frame_bytes = static_cast<std::uint32_t>(job.first.bytes.size());
    plan.rtt_ms = node.rtt_ms;
    plan.rtt_error_ms = node.rtt_error_ms;
    TransferProbe probe(loop_, context_, targets[i].frames, plan, [&](const std::optional<RateFigures>& figures) {
      if (figures) {
        node.rate_mbit = figures->rate_mbit;
        node.rate_error_mbit = figures->error_mbit;
        totals_ms.push_back(node.rtt_ms + static_cast<double>(plan.frame_bytes) * 8 / 1000 / figures->rate_mbit);
      }
      loop_.stop();
    });
    loop_.run();
  }
}

std::vector<Trial> Placer::run_trials(const PlaceJob& job, const std::vector<GrantInfo>& grants) {
  std::vector<Trial> trials;
  for (const GrantInfo& grant : grants) {
    tell(job.options, "trying " + job.task.name + " on " + grant.name);
    TrialRunner runner(loop_, context_, grant, job.first, {}, [&](const Trial& trial) {
      trials.push_back(trial);
      loop_.stop();
    });
    loop_.run();
  }
  return trials;
}

}  // namespace proxima::client

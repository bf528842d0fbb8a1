// The writing half of api_json.hpp.
#include <optional>
#include <span>
#include <variant>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "coordinator/io/api_json.hpp"

namespace proxima::coordinator {
namespace {

using Json = nlohmann::ordered_json;  // fields in the order of docs/api.md

// Names and reasons come from agents: bytes that are not UTF-8 must not throw.
std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

double ms(std::uint32_t us) { return static_cast<double>(us) / 1000; }

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

const char* text_of(protocol::Isolation isolation) {
  switch (isolation) {
    case protocol::Isolation::none: return "none";
    case protocol::Isolation::process: return "process";
    case protocol::Isolation::full: return "full";
  }
  return "none";
}

const char* text_of(protocol::Role role) {
  switch (role) {
    case protocol::Role::serving: return "serving";
    case protocol::Role::standby: return "standby";
    case protocol::Role::trial: return "trial";
  }
  return "trial";
}

const char* text_of(protocol::InstanceState state) {
  switch (state) {
    case protocol::InstanceState::fetching: return "fetching";
    case protocol::InstanceState::starting: return "starting";
    case protocol::InstanceState::ready: return "ready";
    case protocol::InstanceState::failed: return "failed";
    case protocol::InstanceState::stopped: return "stopped";
    case protocol::InstanceState::refused: return "refused";
  }
  return "failed";
}

Json grant_json(const Grant& grant) {
  return {{"node", to_text(grant.node)},       {"name", grant.node_name},
          {"instance", to_text(grant.instance)}, {"epoch", grant.epoch.value},
          {"role", text_of(grant.role)},       {"frames", grant.frames_endpoint},
          {"ticket", hexadecimal(grant.ticket)}};
}

Json instance_json(const InstanceView& instance) {
  const protocol::DesiredInstance& desired = instance.desired;
  Json json = {{"instance", to_text(desired.instance)}, {"epoch", desired.epoch.value},
               {"task", to_text(desired.task)},         {"task_name", desired.task_name},
               {"role", text_of(desired.role)}};
  // Until its node has said anything of it, an instance is only wanted.
  const protocol::InstanceReport report = instance.report.value_or(protocol::InstanceReport{});
  json["state"] = instance.report ? text_of(report.state) : "wanted";
  json["reason"] = report.reason;
  json["worker_pid"] = report.worker_pid;
  json["host_pid"] = report.host_pid;
  json["isolation"] = text_of(report.isolation);
  json["frames"] = report.frames;
  json["execute_ms"] = ms(report.execute_us_mean);
  json["execute_error_ms"] = ms(report.execute_us_error);
  json["queue_ms"] = ms(report.queue_us_mean);
  return json;
}

Json node_json(const NodeView& node, Instant now) {
  const protocol::Birth& birth = node.birth;
  Json json = {{"node", to_text(node.id)},
               {"name", birth.name},
               {"state", to_text(node.state)},
               {"target", birth.target},
               {"device_class", birth.device_class},
               {"isolation", text_of(birth.isolation)},
               {"cores", birth.cores},
               {"memory_mib", birth.memory_mib},
               {"memory_mib_used", node.last_beat ? node.last_beat->memory_mib_used : 0},
               {"cpu_percent", birth.cpu_percent},
               {"functions", birth.functions},
               {"benchmark_us", birth.benchmark_us},
               {"frames", birth.frames_endpoint},
               {"echo", birth.echo_endpoint},
               {"pid", birth.pid},
               {"heard_ms_ago", (now - node.last_heard).ms()},
               {"instances", Json::array()}};
  for (const InstanceView& instance : node.instances) json["instances"].push_back(instance_json(instance));
  return json;
}

const char* text_of(protocol::FrameFormat format) {
  switch (format) {
    case protocol::FrameFormat::bytes: return "bytes";
    case protocol::FrameFormat::grey8: return "grey8";
    case protocol::FrameFormat::jpeg_grey: return "jpeg_grey";
  }
  return "bytes";
}

Json input_json(const protocol::InputSpec& input) {
  return {{"format", text_of(input.format)},
          {"width", input.width},
          {"height", input.height},
          {"quality", input.quality},
          {"max_bytes", input.max_bytes}};
}

Json quantity_json(const Quantity& quantity) {
  if (const auto* number = std::get_if<double>(&quantity)) return *number;
  if (const auto* text = std::get_if<std::string>(&quantity)) return *text;
  return nullptr;
}

Json candidate_json(const Candidate& candidate) {
  Json terms = nullptr;
  if (candidate.terms) {
    terms = {{"rtt", candidate.terms->rtt},
             {"transfer", candidate.terms->transfer},
             {"queue", candidate.terms->queue},
             {"service", candidate.terms->service}};
  }
  Json blocked = Json::array();
  for (const Blocked& test : candidate.blocked) {
    blocked.push_back({{"what", to_text(test.what)},
                       {"needed", quantity_json(test.needed)},
                       {"had", quantity_json(test.had)}});
  }
  return {{"node", candidate.name},
          {"feasible", candidate.feasible},
          {"rtt_ms", or_null(candidate.rtt_ms)},
          {"rtt_error_ms", or_null(candidate.rtt_error_ms)},
          {"rate_mbit", or_null(candidate.rate_mbit)},
          {"terms_ms", std::move(terms)},
          {"predicted_ms", or_null(candidate.predicted_ms)},
          {"predicted_error_ms", or_null(candidate.predicted_error_ms)},
          {"blocked", std::move(blocked)},
          {"fits_if_deadline_ms", or_null(candidate.fits_if_deadline_ms)}};
}

// A candidate's name is that of its time; only a node that is no candidate is looked up.
Json chosen_name(const Decision& decision, const std::optional<NodeId>& node, const NameOf& name_of) {
  if (!node) return nullptr;
  for (const Candidate& candidate : decision.candidates) {
    if (candidate.node == *node) return candidate.name;
  }
  return name_of(*node);
}

Json decision_json(const Decision& decision, const NameOf& name_of) {
  Json candidates = Json::array();
  for (const Candidate& candidate : decision.candidates) candidates.push_back(candidate_json(candidate));
  return {{"placed_on", chosen_name(decision, decision.serving, name_of)},
          {"standby", chosen_name(decision, decision.standby, name_of)},
          {"summary", decision.summary},
          {"candidates", std::move(candidates)}};
}

Json task_json(const TaskView& task, const NameOf& name_of, Instant now) {
  Json moves = Json::array();
  for (const Move& move : task.moves) {
    moves.push_back({{"t_ms", (move.at - task.since).ms()},
                     {"from", name_of(move.from)},
                     {"to", name_of(move.to)},
                     {"reason", move.reason}});
  }
  return {{"task", to_text(task.id)},
          {"name", task.spec.name},
          {"version", task.spec.version},
          {"module", to_text(task.spec.module)},
          {"state", to_text(task.state)},
          {"reason", task.reason},
          {"deadline_ms", or_null(task.spec.contract.deadline_ms)},
          {"rate_hz", task.spec.contract.rate_hz},
          {"input", input_json(task.spec.input)},
          {"epoch", task.serving ? task.serving->epoch.value : 0},
          {"serving", task.serving ? grant_json(*task.serving) : Json(nullptr)},
          {"standby", task.standby ? grant_json(*task.standby) : Json(nullptr)},
          {"decision", task.first ? decision_json(*task.first, name_of) : Json(nullptr)},
          {"moves", std::move(moves)},
          {"age_ms", (now - task.since).ms()}};
}

Json truth_json(const std::optional<ClientReport>& truth) {
  if (!truth) return nullptr;
  return {{"frames", truth->frames},
          {"late", truth->late},
          {"e2e_p50_ms", truth->e2e_p50_ms},
          {"e2e_p95_ms", truth->e2e_p95_ms},
          {"network_p50_ms", truth->network_p50_ms}};
}

std::string answer(const char* kind, const Json& fields) {
  Json json = {{"schema", std::string("proxima/v1/") + kind}};
  json.update(fields);
  return text_of(json);
}

}  // namespace

std::string error_body(const Error& error) {
  return answer("error", {{"error", {{"what", error.what}, {"why", error.why}, {"hint", error.hint}}}});
}

std::string region_body(const RegionSummary& region) {
  return answer("region", {{"region", region.region},
                           {"version", PROXIMA_VERSION},
                           {"broker_up", region.broker_up},
                           {"nodes", region.nodes},
                           {"tasks", region.tasks},
                           {"uptime_ms", region.uptime.ms()},
                           {"pid", ::getpid()}});
}

std::string node_body(const NodeView& node, Instant now) { return answer("node", node_json(node, now)); }

std::string nodes_body(const std::vector<NodeView>& nodes, Instant now) {
  Json list = Json::array();
  for (const NodeView& node : nodes) list.push_back(node_json(node, now));
  return answer("nodes", {{"nodes", std::move(list)}});
}

std::string task_body(const TaskView& task, const NameOf& name_of, Instant now) {
  return answer("task", task_json(task, name_of, now));
}

std::string tasks_body(const std::vector<TaskView>& tasks, const NameOf& name_of, Instant now) {
  Json list = Json::array();
  for (const TaskView& task : tasks) list.push_back(task_json(task, name_of, now));
  return answer("tasks", {{"tasks", std::move(list)}});
}

std::string explain_body(const TaskView& task, const Decision& decision, const NameOf& name_of) {
  return answer("explain", {{"task", to_text(task.id)},
                            {"decision", decision_json(decision, name_of)},
                            {"first", task.first ? decision_json(*task.first, name_of) : Json(nullptr)},
                            {"truth", truth_json(task.truth)}});
}

std::string task_accepted_body(const TaskAccepted& accepted) {
  Json targets = Json::array();
  for (const ProbeTarget& target : accepted.targets) {
    targets.push_back({{"node", to_text(target.node)},
                       {"name", target.name},
                       {"frames", target.frames_endpoint},
                       {"echo", target.echo_endpoint},
                       {"transfer_useful", target.transfer_useful}});
  }
  return answer("task-accepted", {{"task", to_text(accepted.task)}, {"targets", std::move(targets)}});
}

std::string trials_wanted_body(const TrialsWanted& wanted) {
  Json trials = Json::array();
  for (const Grant& grant : wanted.trials) trials.push_back(grant_json(grant));
  return answer("trials-wanted", {{"task", to_text(wanted.task)}, {"trials", std::move(trials)}});
}

std::string blob_body(const Digest& digest, std::size_t bytes) {
  return answer("blob", {{"digest", to_text(digest)}, {"bytes", bytes}});
}

std::string build_id_text(std::uint64_t id) { return to_text(TaskId{id}); }

std::string build_job_body(const BuildJob& job) {
  return answer("build-job", {{"build", build_id_text(job.id)},
                              {"module", to_text(job.key.module)},
                              {"target", job.key.target},
                              {"variant", job.key.variant},
                              {"memory_mib", job.memory_mib}});
}

std::string build_body(const BuildJob& job, const char* state) {
  return answer("build", {{"build", build_id_text(job.id)}, {"state", state}});
}

}  // namespace proxima::coordinator

// The reading half of api_json.hpp.
#include <algorithm>
#include <set>
#include <utility>

#include "common/protocol/limits.hpp"
#include "coordinator/io/api_json.hpp"
#include "coordinator/io/json_fields.hpp"

namespace proxima::coordinator {
namespace {

using nlohmann::json;

// Generous: a figure beyond them is a broken clock, not a network or a task.
constexpr Range milliseconds{0, 3'600'000};
constexpr Range megabits{0, 10'000'000};
constexpr WholeRange any_u32{0, 0xffffffff};
constexpr WholeRange epochs{1, 0xffffffff};
constexpr std::uint64_t lease_ms_max = 86'400'000;
constexpr std::size_t version_bytes = 32;

template <class Value, class Read>
Result<Value> read_body(std::string_view body, const std::string& what, const Read& read) {
  Result<json> document = parse_json(body, what);
  if (!document) return document.failure();
  Fault fault;
  Fields fields(*document, "", fault);
  Value value = read(fields);
  fields.done();
  if (fault.any()) return fail("cannot read " + what, fault.why(), "docs/api.md shows what belongs here");
  return value;
}

std::string read_name(Fields& fields, std::string_view key) {
  std::string name = fields.text(key, limits::name_bytes);
  if (!is_name(name)) {
    fields.fault().set(fields.path_of(key), "must be 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit");
  }
  return name;
}

std::string read_version(Fields& fields) {
  std::string version = fields.text("version", version_bytes);
  const bool fits = !version.empty() && std::all_of(version.begin(), version.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+';
  });
  if (!fits) fields.fault().set(fields.path_of("version"), "must be like \"0.1.0\"");
  return version;
}

// `parse` is one of ids.hpp; `digits` is how many it wants.
template <class Parse>
auto read_id(Fields& fields, std::string_view key, std::size_t digits, const Parse& parse) {
  const auto id = parse(fields.text(key, 64));
  if (!id) {
    fields.fault().set(fields.path_of(key), "must be " + std::to_string(digits) + " lower-case hexadecimal digits");
  }
  return id.value_or(typename std::decay_t<decltype(id)>::value_type{});
}

protocol::Contract read_contract(Fields fields) {
  const Range deadlines{limits::deadline_ms_min, limits::deadline_ms_max};
  protocol::Contract contract;
  contract.deadline_ms = fields.optional_number("deadline_ms", deadlines);
  contract.p95_ms = fields.optional_number("p95_ms", deadlines);
  contract.rate_hz = fields.optional_number("rate_hz", {limits::rate_hz_min, limits::rate_hz_max}).value_or(contract.rate_hz);
  fields.done();
  return contract;
}

std::vector<std::string> read_functions(Fields& fields) {
  std::vector<std::string> functions;
  for (const Fields::Element& element : fields.array_or_empty("functions", limits::functions)) {
    std::string name = element_text(element, limits::function_bytes, fields.fault());
    if (!is_name(name)) fields.fault().set(element.path, "must be a host function's name, such as \"vision\"");
    if (std::find(functions.begin(), functions.end(), name) != functions.end()) {
      fields.fault().set(element.path, "comes twice");
    }
    functions.push_back(std::move(name));
  }
  return functions;
}

protocol::FrameFormat read_format(Fields& fields) {
  const std::string format = fields.text("format", limits::name_bytes);
  if (format == "grey8") return protocol::FrameFormat::grey8;
  if (format == "jpeg_grey") return protocol::FrameFormat::jpeg_grey;
  if (format != "bytes") fields.fault().set(fields.path_of("format"), "must be \"grey8\", \"jpeg_grey\" or \"bytes\"");
  return protocol::FrameFormat::bytes;
}

protocol::InputSpec read_input(Fields fields) {
  protocol::InputSpec input;
  input.format = read_format(fields);
  input.width = static_cast<std::uint16_t>(fields.whole_or("width", {0, 0xffff}, input.width));
  input.height = static_cast<std::uint16_t>(fields.whole_or("height", {0, 0xffff}, input.height));
  input.quality = static_cast<std::uint8_t>(fields.whole_or("quality", {1, 100}, input.quality));
  input.max_bytes = static_cast<std::uint32_t>(fields.whole_or("max_bytes", {1, limits::frame_bytes}, input.max_bytes));
  fields.done();
  return input;
}

protocol::TaskSpec read_spec(Fields fields) {
  protocol::TaskSpec spec;
  spec.name = read_name(fields, "name");
  spec.version = read_version(fields);
  spec.module = read_id(fields, "module", 64, digest_from);
  spec.contract = read_contract(fields.object("contract"));
  spec.memory_mib = static_cast<std::uint32_t>(fields.whole_or("memory_mib", {1, limits::memory_mib_max}, spec.memory_mib));
  spec.functions = read_functions(fields);
  spec.input = read_input(fields.object("input"));
  if (!fields.text_or("pinned_node", limits::name_bytes, "").empty()) spec.pinned_node = read_name(fields, "pinned_node");
  fields.done();
  return spec;
}

NodeMeasurement read_measurement(Fields fields) {
  NodeMeasurement measurement;
  measurement.node = read_id(fields, "node", 32, node_id_from);
  measurement.reachable = fields.boolean("reachable");
  if (measurement.reachable) {
    measurement.rtt_ms = fields.number("rtt_ms", milliseconds);
    measurement.rtt_error_ms = fields.number("rtt_error_ms", milliseconds);
  } else {
    measurement.rtt_ms = fields.optional_number("rtt_ms", milliseconds).value_or(0);
    measurement.rtt_error_ms = fields.optional_number("rtt_error_ms", milliseconds).value_or(0);
  }
  measurement.rate_mbit = fields.optional_number("rate_mbit", megabits);
  measurement.rate_error_mbit = fields.optional_number("rate_error_mbit", megabits).value_or(0);
  fields.done();
  return measurement;
}

std::vector<double> read_runs(Fields& fields, std::string_view key) {
  std::vector<double> runs;
  for (const Fields::Element& element : fields.array_or_empty(key, limits::trial_runs)) {
    runs.push_back(element_number(element, milliseconds, fields.fault()));
  }
  return runs;
}

TrialResult read_trial(Fields fields) {
  TrialResult trial;
  trial.instance = read_id(fields, "instance", 16, instance_id_from);
  trial.epoch = {static_cast<std::uint32_t>(fields.whole("epoch", epochs))};
  trial.ok = fields.boolean("ok");
  trial.reason = fields.text_or("reason", limits::text_bytes, "");
  trial.execute_ms = read_runs(fields, "execute_ms");
  trial.queue_ms = read_runs(fields, "queue_ms");
  if (trial.ok && trial.execute_ms.empty()) {
    fields.fault().set(fields.path_of("execute_ms"), "must have one figure a run, since the trial is ok");
  }
  fields.done();
  return trial;
}

}  // namespace

Result<TaskRequested> read_task_request(std::string_view body) {
  return read_body<TaskRequested>(body, "the task request", [](Fields& fields) {
    TaskRequested request;
    request.spec = read_spec(fields.object("spec"));
    request.frame_bytes = static_cast<std::uint32_t>(fields.whole("frame_bytes", {0, limits::frame_bytes}));
    if (request.frame_bytes > request.spec.input.max_bytes) {
      fields.fault().set("frame_bytes", "must be at most spec.input.max_bytes, which is " +
                                            std::to_string(request.spec.input.max_bytes));
    }
    request.dry_run = fields.boolean_or("dry_run", false);
    request.lease_ms = static_cast<std::uint32_t>(fields.whole_or("lease_ms", {0, lease_ms_max}, 0));
    return request;
  });
}

Result<std::vector<NodeMeasurement>> read_measurements(std::string_view body) {
  return read_body<std::vector<NodeMeasurement>>(body, "the measurements", [](Fields& fields) {
    std::vector<NodeMeasurement> nodes;
    std::set<NodeId> seen;
    for (const Fields::Element& element : fields.array("nodes", limits::candidates)) {
      nodes.push_back(read_measurement(Fields(*element.value, element.path, fields.fault())));
      if (!seen.insert(nodes.back().node).second) fields.fault().set(element.path + ".node", "comes twice");
    }
    return nodes;
  });
}

Result<std::vector<TrialResult>> read_trials(std::string_view body) {
  return read_body<std::vector<TrialResult>>(body, "the trials", [](Fields& fields) {
    std::vector<TrialResult> trials;
    std::set<InstanceId> seen;
    for (const Fields::Element& element : fields.array("trials", limits::candidates)) {
      trials.push_back(read_trial(Fields(*element.value, element.path, fields.fault())));
      if (!seen.insert(trials.back().instance).second) fields.fault().set(element.path + ".instance", "comes twice");
    }
    return trials;
  });
}

Result<TakeoverReported> read_takeover(std::string_view body) {
  return read_body<TakeoverReported>(body, "the takeover", [](Fields& fields) {
    TakeoverReported takeover;
    takeover.to = {static_cast<std::uint32_t>(fields.whole("epoch", epochs))};
    takeover.reason = fields.text_or("reason", limits::text_bytes, "");
    return takeover;
  });
}

Result<StandbyLost> read_standby_lost(std::string_view body) {
  return read_body<StandbyLost>(body, "the lost standby", [](Fields& fields) {
    StandbyLost lost;
    lost.epoch = {static_cast<std::uint32_t>(fields.whole("epoch", epochs))};
    return lost;
  });
}

Result<ClientReport> read_report(std::string_view body) {
  return read_body<ClientReport>(body, "the report", [](Fields& fields) {
    ClientReport report;
    report.frames = static_cast<std::uint32_t>(fields.whole("frames", any_u32));
    report.late = static_cast<std::uint32_t>(fields.whole("late", any_u32));
    report.e2e_p50_ms = fields.optional_number("e2e_p50_ms", milliseconds).value_or(0);
    report.e2e_p95_ms = fields.optional_number("e2e_p95_ms", milliseconds).value_or(0);
    report.network_p50_ms = fields.optional_number("network_p50_ms", milliseconds).value_or(0);
    return report;
  });
}

Result<std::string> read_build_error(std::string_view body) {
  return read_body<std::string>(body, "the build's error", [](Fields& fields) {
    fields.text_or("schema", limits::name_bytes, "");
    Fields error = fields.object("error");
    constexpr std::size_t part_bytes = 4096;  // a compiler's complaint; shortened below
    const Error parts{error.text("what", part_bytes), error.text_or("why", part_bytes, ""),
                      error.text_or("hint", part_bytes, "")};
    error.done();
    return parts.text();
  });
}

}  // namespace proxima::coordinator

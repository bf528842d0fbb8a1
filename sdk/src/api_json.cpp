#include "sdk/src/api_json.hpp"

#include <utility>

#include "common/protocol/limits.hpp"

namespace proxima::client {

std::optional<Json> parse_object(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

std::string write(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<double> number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

bool flag_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

namespace {

std::optional<std::vector<std::uint8_t>> bytes_from_hex(const std::string& text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::optional<Epoch> epoch_of(const Json& object, const char* key) {
  const std::optional<double> value = number_of(object, key);
  if (!value || *value < 0 || *value > 4294967295.0) return std::nullopt;
  return Epoch{static_cast<std::uint32_t>(*value)};
}

Quantity quantity_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::monostate{};
  if (found->is_number()) return found->get<double>();
  if (found->is_string()) return found->get<std::string>();
  return std::monostate{};
}

Json quantity_json(const Quantity& quantity) {
  if (const auto* number = std::get_if<double>(&quantity)) return *number;
  if (const auto* text = std::get_if<std::string>(&quantity)) return *text;
  return nullptr;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

NodeJudgement judgement_from(const Json& value) {
  NodeJudgement out;
  out.node = text_of(value, "node");
  out.feasible = flag_of(value, "feasible");
  out.rtt_ms = number_of(value, "rtt_ms");
  out.rtt_error_ms = number_of(value, "rtt_error_ms");
  out.rate_mbit = number_of(value, "rate_mbit");
  out.predicted_ms = number_of(value, "predicted_ms");
  out.predicted_error_ms = number_of(value, "predicted_error_ms");
  out.fits_if_deadline_ms = number_of(value, "fits_if_deadline_ms");
  const auto terms = value.find("terms_ms");
  if (terms != value.end() && terms->is_object())
    out.terms_ms = LatencyTerms{number_of(*terms, "rtt").value_or(0), number_of(*terms, "transfer").value_or(0),
                                number_of(*terms, "queue").value_or(0), number_of(*terms, "service").value_or(0)};
  for (const Json& blocked : list_of(value, "blocked")) {
    if (!blocked.is_object()) continue;
    out.blocked.push_back({text_of(blocked, "what"), quantity_of(blocked, "needed"), quantity_of(blocked, "had")});
  }
  return out;
}

const char* format_text(protocol::FrameFormat format) {
  switch (format) {
    case protocol::FrameFormat::bytes: return "bytes";
    case protocol::FrameFormat::grey8: return "grey8";
    case protocol::FrameFormat::jpeg_grey: return "jpeg_grey";
  }
  return "bytes";
}

std::optional<protocol::InputSpec> input_from(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  protocol::InputSpec out;
  const std::string format = text_of(value, "format");
  if (format == "grey8") out.format = protocol::FrameFormat::grey8;
  else if (format == "jpeg_grey") out.format = protocol::FrameFormat::jpeg_grey;
  else if (format != "bytes") return std::nullopt;
  const auto whole = [&](const char* key, double low, double high) -> std::optional<double> {
    const std::optional<double> number = number_of(value, key);
    return number && *number >= low && *number <= high ? number : std::nullopt;
  };
  const auto width = whole("width", 0, 65535);
  const auto height = whole("height", 0, 65535);
  const auto quality = whole("quality", 1, 100);
  const auto most = whole("max_bytes", 1, limits::frame_bytes);
  if (!width || !height || !quality || !most) return std::nullopt;
  out.width = static_cast<std::uint16_t>(*width);
  out.height = static_cast<std::uint16_t>(*height);
  out.quality = static_cast<std::uint8_t>(*quality);
  out.max_bytes = static_cast<std::uint32_t>(*most);
  return out;
}

}  // namespace

std::optional<GrantInfo> grant_from(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  const auto instance = instance_id_from(text_of(value, "instance"));
  const auto epoch = epoch_of(value, "epoch");
  auto ticket = bytes_from_hex(text_of(value, "ticket"));
  if (!instance || !epoch || !ticket || ticket->size() > limits::ticket_bytes) return std::nullopt;
  GrantInfo out;
  out.node = text_of(value, "node");
  out.name = text_of(value, "name");
  out.instance = *instance;
  out.epoch = *epoch;
  out.role = text_of(value, "role");
  out.frames = text_of(value, "frames");
  out.ticket = std::move(*ticket);
  if (out.frames.empty() || out.frames.size() > limits::endpoint_bytes) return std::nullopt;
  return out;
}

std::optional<PlacementDecision> decision_from(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  PlacementDecision out;
  if (std::string name = text_of(value, "placed_on"); !name.empty()) out.placed_on = std::move(name);
  if (std::string name = text_of(value, "standby"); !name.empty()) out.standby = std::move(name);
  out.summary = text_of(value, "summary");
  for (const Json& candidate : list_of(value, "candidates"))
    if (candidate.is_object()) out.candidates.push_back(judgement_from(candidate));
  return out;
}

std::optional<TaskInfo> task_from(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  TaskInfo out;
  out.id = text_of(value, "task");
  out.name = text_of(value, "name");
  out.state = text_of(value, "state");
  if (out.id.empty() || out.state.empty()) return std::nullopt;
  out.reason = text_of(value, "reason");
  out.deadline_ms = number_of(value, "deadline_ms");
  out.rate_hz = number_of(value, "rate_hz").value_or(0);
  out.epoch = epoch_of(value, "epoch").value_or(Epoch{});
  if (const auto found = value.find("input"); found != value.end()) out.input = input_from(*found);
  if (const auto found = value.find("serving"); found != value.end()) out.serving = grant_from(*found);
  if (const auto found = value.find("standby"); found != value.end()) out.standby = grant_from(*found);
  if (const auto found = value.find("decision"); found != value.end()) out.decision = decision_from(*found);
  return out;
}

Json to_json(const TaskRequest& request) {
  const protocol::TaskSpec& spec = request.spec;
  Json contract{{"rate_hz", spec.contract.rate_hz}};
  contract["deadline_ms"] = or_null(spec.contract.deadline_ms);
  contract["p95_ms"] = or_null(spec.contract.p95_ms);
  Json body{{"name", spec.name},           {"version", spec.version},       {"module", to_text(spec.module)},
            {"contract", contract},        {"memory_mib", spec.memory_mib}, {"functions", spec.functions}};
  body["input"] = {{"format", format_text(spec.input.format)}, {"width", spec.input.width},
                   {"height", spec.input.height},              {"quality", spec.input.quality},
                   {"max_bytes", spec.input.max_bytes}};
  body["pinned_node"] = spec.pinned_node.empty() ? Json(nullptr) : Json(spec.pinned_node);
  return {{"spec", body}, {"frame_bytes", request.frame_bytes}, {"dry_run", request.dry_run},
          {"lease_ms", request.lease_ms}};
}

Json to_json(const Measurement& measurement) {
  Json out{{"node", measurement.node}, {"reachable", measurement.reachable}};
  out["rtt_ms"] = measurement.reachable ? Json(measurement.rtt_ms) : Json(nullptr);
  out["rtt_error_ms"] = measurement.reachable ? Json(measurement.rtt_error_ms) : Json(nullptr);
  out["rate_mbit"] = or_null(measurement.rate_mbit);
  out["rate_error_mbit"] = measurement.rate_mbit ? Json(measurement.rate_error_mbit) : Json(nullptr);
  return out;
}

Json to_json(const Trial& trial) {
  return {{"instance", to_text(trial.instance)}, {"epoch", trial.epoch.value},       {"ok", trial.ok},
          {"reason", trial.reason},              {"execute_ms", trial.execute_ms}, {"queue_ms", trial.queue_ms}};
}

Json candidates_json(const PlacementDecision& decision, bool with_counterfactual) {
  Json out = Json::array();
  for (const NodeJudgement& candidate : decision.candidates) {
    Json blocked = Json::array();
    for (const BlockedBy& by : candidate.blocked)
      blocked.push_back({{"what", by.what}, {"needed", quantity_json(by.needed)}, {"had", quantity_json(by.had)}});
    Json terms = nullptr;
    if (candidate.terms_ms)
      terms = {{"rtt", candidate.terms_ms->rtt},
               {"transfer", candidate.terms_ms->transfer},
               {"queue", candidate.terms_ms->queue},
               {"service", candidate.terms_ms->service}};
    Json one{{"node", candidate.node}, {"feasible", candidate.feasible}, {"terms_ms", terms}, {"blocked", blocked}};
    one["rtt_ms"] = or_null(candidate.rtt_ms);
    one["rtt_error_ms"] = or_null(candidate.rtt_error_ms);
    one["rate_mbit"] = or_null(candidate.rate_mbit);
    one["predicted_ms"] = or_null(candidate.predicted_ms);
    one["predicted_error_ms"] = or_null(candidate.predicted_error_ms);
    if (with_counterfactual) one["fits_if_deadline_ms"] = or_null(candidate.fits_if_deadline_ms);
    out.push_back(std::move(one));
  }
  return out;
}

Json to_json(const PlacementDecision& decision) {
  Json out{{"summary", decision.summary}, {"candidates", candidates_json(decision, true)}};
  out["placed_on"] = or_null(decision.placed_on);
  out["standby"] = or_null(decision.standby);
  return out;
}

}  // namespace proxima::client

#include "sdk/netlab/request.hpp"

#include <charconv>
#include <initializer_list>

#include "common/base/ids.hpp"
#include "sdk/netlab/core/link_shape.hpp"
#include "sdk/netlab/io/sockets.hpp"

namespace proxima::netlab {

namespace {

using nlohmann::json;

Failure bad_request(std::string why, std::string hint) {
  return fail("cannot read the request", std::move(why), std::move(hint));
}

Result<void> only_keys(const json& request, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : request.items()) {
    bool found = key == "verb";
    for (const std::string_view name : known) found = found || key == name;
    if (!found) return bad_request("unknown key '" + key.substr(0, 64) + "'", "see proxima-netlab --help");
  }
  return {};
}

Result<std::string> text_of(const json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_string()) {
    return bad_request(std::string("'") + key + "' is missing or not a string", "see proxima-netlab --help");
  }
  return found->get<std::string>();
}

Result<std::string> node_of(const json& request) {
  Result<std::string> name = text_of(request, "node");
  if (name && !is_name(*name)) return bad_request("'node' is not a name", "names match [a-z0-9][a-z0-9-]{0,31}");
  return name;
}

Result<std::string> address_of(const json& request, const char* key) {
  Result<std::string> text = text_of(request, key);
  if (!text) return text;
  if (const auto endpoint = parse_endpoint(*text); !endpoint) return endpoint.failure();
  return text;
}

Result<Request> backend_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {"node", "frames", "echo"}));
  const auto node = node_of(request);
  const auto frames = address_of(request, "frames");
  const auto echo = address_of(request, "echo");
  if (!node) return node.failure();
  if (!frames) return frames.failure();
  if (!echo) return echo.failure();
  return Request(SetBackend{*node, *frames, *echo});
}

Result<Request> targets_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {"api", "broker"}));
  SetTargets targets;
  for (const auto& [key, into] : {std::pair{"api", &targets.api}, std::pair{"broker", &targets.broker}}) {
    if (!request.contains(key)) continue;
    const auto address = address_of(request, key);
    if (!address) return address.failure();
    *into = *address;
  }
  if (!targets.api && !targets.broker) return bad_request("neither 'api' nor 'broker'", "give one of them or both");
  return Request(targets);
}

Result<Request> shape_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {"node", "changes"}));
  const auto node = node_of(request);
  if (!node) return node.failure();
  const auto changes = request.find("changes");
  if (changes == request.end() || !changes->is_object() || changes->empty()) {
    return bad_request("'changes' is missing or empty", "such as {\"rtt_ms\": 80}");
  }
  SetShape set{*node, {}};
  LinkShape scratch;
  for (const auto& [key, value] : changes->items()) {
    if (!value.is_number()) return bad_request("'" + key.substr(0, 64) + "' is not a number", "such as 80 or 0.5");
    PROXIMA_TRY(set_shape_field(scratch, key.substr(0, 64), value.get<double>()));
    set.changes.push_back({key, value.get<double>()});
  }
  return Request(set);
}

Result<Request> cut_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {"node", "control"}));
  const auto node = node_of(request);
  if (!node) return node.failure();
  const auto control = request.find("control");
  if (control != request.end() && !control->is_boolean()) return bad_request("'control' is not true or false", "");
  return Request(Cut{*node, control != request.end() && control->get<bool>()});
}

Result<Request> heal_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {"node"}));
  const auto node = node_of(request);
  if (!node) return node.failure();
  return Request(Heal{*node});
}

Result<Request> status_from(const json& request) {
  PROXIMA_TRY(only_keys(request, {}));
  return Request(AskStatus{});
}

json to_json(const SetBackend& r) {
  return {{"verb", "backend"}, {"node", r.node}, {"frames", r.frames}, {"echo", r.echo}};
}
json to_json(const SetTargets& r) {
  json out{{"verb", "target"}};
  if (r.api) out["api"] = *r.api;
  if (r.broker) out["broker"] = *r.broker;
  return out;
}
json to_json(const SetShape& r) {
  json changes = json::object();
  for (const Change& change : r.changes) changes[change.key] = change.value;
  return {{"verb", "set"}, {"node", r.node}, {"changes", changes}};
}
json to_json(const Cut& r) { return {{"verb", "cut"}, {"node", r.node}, {"control", r.control}}; }
json to_json(const Heal& r) { return {{"verb", "heal"}, {"node", r.node}}; }
json to_json(const AskStatus&) { return {{"verb", "status"}}; }

}  // namespace

Result<Request> parse_request(std::string_view line) {
  const json request = json::parse(line, nullptr, false);
  if (request.is_discarded()) return bad_request("the line is not JSON", "send one JSON object a line");
  if (!request.is_object()) return bad_request("it is not a JSON object", "send one JSON object a line");
  const auto verb = text_of(request, "verb");
  if (!verb) return verb.failure();
  if (*verb == "backend") return backend_from(request);
  if (*verb == "target") return targets_from(request);
  if (*verb == "set") return shape_from(request);
  if (*verb == "cut") return cut_from(request);
  if (*verb == "heal") return heal_from(request);
  if (*verb == "status") return status_from(request);
  return bad_request("unknown verb '" + verb->substr(0, 64) + "'", "use backend, target, set, cut, heal or status");
}

std::string to_line(const Request& request) {
  return std::visit([](const auto& r) { return to_json(r); }, request)
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Change> parse_change(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string hint = "write key=value, such as rtt_ms=80";
  const std::string what = "cannot use '" + std::string(text.substr(0, 64)) + "'";
  if (equals == std::string_view::npos) return fail(what, "it has no '='", hint);
  Change change{std::string(text.substr(0, equals)), 0.0};
  const std::string_view digits = text.substr(equals + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), change.value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return fail(what, "the value is not a number", hint);
  }
  LinkShape scratch;
  PROXIMA_TRY(set_shape_field(scratch, change.key, change.value));
  return change;
}

}  // namespace proxima::netlab

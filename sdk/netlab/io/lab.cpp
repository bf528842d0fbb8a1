#include "sdk/netlab/io/lab.hpp"

#include <algorithm>

namespace proxima::netlab {

namespace {

using nlohmann::json;

// While bytes of TCP flow, wake-ups are at least this far apart: a fast link has a piece due every few microseconds,
// and one write for several is what makes 500 Mbit/s cheap. Lone datagrams are not held back by it.
constexpr Duration bulk_spacing = Duration::micros(100);

json text_or_null(const std::optional<Endpoint>& endpoint) { return endpoint ? json(endpoint->text()) : json(nullptr); }

}  // namespace

Result<std::unique_ptr<RunningLab>> RunningLab::open(uv_loop_t* loop, const Lab& lab, std::uint64_t seed) {
  std::unique_ptr<RunningLab> running(new RunningLab(loop));
  Prng seeds(seed);
  for (const LabNode& config : lab.nodes) PROXIMA_TRY(running->add_node(config, seeds.next()));
  return running;
}

RunningLab::RunningLab(uv_loop_t* loop) : loop_(loop), alarm_(loop, [this](Duration late) { wake_lead_.woke(late); }), after_poll_(new uv_check_t) {
  uv_check_init(loop, after_poll_);
  after_poll_->data = this;
  uv_check_start(after_poll_, [](uv_check_t* check) { static_cast<RunningLab*>(check->data)->tick(); });
}

RunningLab::~RunningLab() {
  uv_close(reinterpret_cast<uv_handle_t*>(after_poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_check_t*>(handle); });
}

Result<void> RunningLab::add_node(const LabNode& config, std::uint64_t seed) {
  Node made;
  made.name = config.name;
  made.shape = {config.rtt_ms, config.jitter_ms, config.loss_percent, config.rate_mbit};
  made.frames = std::make_unique<Path>(loop_, made.shape, seed);
  made.control = std::make_unique<Path>(loop_, LinkShape{}, seed);
  const auto frames = made.frames->add_listener();
  const auto api = made.control->add_listener();
  const auto broker = made.control->add_listener();
  if (!frames) return frames.failure();
  if (!api) return api.failure();
  if (!broker) return broker.failure();
  PROXIMA_TRY(made.frames->add_echo());
  made.frames_listener = *frames;
  made.api_listener = *api;
  made.broker_listener = *broker;
  nodes_.push_back(std::move(made));
  return {};
}

void RunningLab::tick() {
  const Instant now = monotonic_now();
  // The alarm is set earlier by what a wake-up takes; what is due within that time goes now.
  const Duration lead = wake_lead_.lead();
  bool bulk = false;
  Instant next = Instant::never();
  for (Node& each : nodes_) {
    for (Path* path : {each.frames.get(), each.control.get()}) {
      bulk = path->tick(now + lead) || bulk;
      next = std::min(next, path->next_deadline());
    }
  }
  next = next - lead;
  if (bulk && !next.is_never()) next = std::max(next, now + bulk_spacing);
  alarm_.set(next);
}

Result<RunningLab::Node*> RunningLab::node(const std::string& name) {
  for (Node& each : nodes_) {
    if (each.name == name) return &each;
  }
  std::string names;
  for (const Node& each : nodes_) names += (names.empty() ? "" : ", ") + each.name;
  return fail("no node named '" + name + "'", "the lab has " + names, "use one of these names");
}

Result<json> RunningLab::apply(const Request& request) {
  return std::visit([this](const auto& asked) { return act(asked); }, request);
}

Result<json> RunningLab::act(const SetBackend& request) {
  const auto found = node(request.node);
  if (!found) return found.failure();
  Node& each = **found;
  const auto frames = parse_endpoint(request.frames);
  const auto echo = parse_endpoint(request.echo);
  if (!frames) return frames.failure();
  if (!echo) return echo.failure();
  PROXIMA_TRY(each.frames->set_target(each.frames_listener, *frames));
  each.frames->set_echo_backend(*echo);
  each.echo_backend = *echo;
  return status_of(each);
}

Result<json> RunningLab::act(const SetTargets& request) {
  for (Node& each : nodes_) {
    for (const auto& [listener, text] :
         {std::pair{each.api_listener, request.api}, std::pair{each.broker_listener, request.broker}}) {
      if (!text) continue;
      const auto target = parse_endpoint(*text);
      if (!target) return target.failure();
      PROXIMA_TRY(each.control->set_target(listener, *target));
    }
  }
  return act(AskStatus{});
}

Result<json> RunningLab::act(const SetShape& request) {
  const auto found = node(request.node);
  if (!found) return found.failure();
  LinkShape shape = (*found)->shape;
  for (const Change& change : request.changes) PROXIMA_TRY(set_shape_field(shape, change.key, change.value));
  (*found)->shape = shape;
  (*found)->frames->set_shape(shape);
  return status_of(**found);
}

Result<json> RunningLab::act(const Cut& request) {
  const auto found = node(request.node);
  if (!found) return found.failure();
  (request.control ? (*found)->control : (*found)->frames)->cut();
  return status_of(**found);
}

Result<json> RunningLab::act(const Heal& request) {
  const auto found = node(request.node);
  if (!found) return found.failure();
  (*found)->frames->heal();
  (*found)->control->heal();
  return status_of(**found);
}

Result<json> RunningLab::act(const AskStatus&) {
  json nodes = json::array();
  for (const Node& each : nodes_) nodes.push_back(status_of(each)["nodes"][0]);
  return json{{"nodes", nodes}};
}

json RunningLab::endpoints(const Node& node) {
  return {{"name", node.name},
          {"frames", node.frames->listener_endpoint(node.frames_listener).text()},
          {"echo", node.frames->echo_endpoint().text()},
          {"api", node.control->listener_endpoint(node.api_listener).text()},
          {"broker", node.control->listener_endpoint(node.broker_listener).text()}};
}

json RunningLab::status_of(const Node& node) {
  json out = endpoints(node);
  for (const ShapeField& field : shape_fields()) out[std::string(field.key)] = node.shape.*(field.member);
  out["backend"] = {{"frames", text_or_null(node.frames->target(node.frames_listener))},
                    {"echo", text_or_null(node.echo_backend)}};
  out["target"] = {{"api", text_or_null(node.control->target(node.api_listener))},
                   {"broker", text_or_null(node.control->target(node.broker_listener))}};
  out["cut"] = node.frames->is_cut();
  out["control_cut"] = node.control->is_cut();
  out["connections"] = node.frames->connections();
  out["control_connections"] = node.control->connections();
  const Carried& carried = node.frames->carried();
  out["bytes_up"] = carried.bytes_up;
  out["bytes_down"] = carried.bytes_down;
  out["datagrams_up"] = carried.datagrams_up;
  out["datagrams_down"] = carried.datagrams_down;
  out["datagrams_lost"] = carried.datagrams_lost;
  return json{{"nodes", json::array({out})}};
}

json RunningLab::ready() const {
  json nodes = json::array();
  for (const Node& each : nodes_) nodes.push_back(endpoints(each));
  return {{"schema", "proxima/v1/netlab"}, {"ready", true}, {"nodes", nodes}};
}

}  // namespace proxima::netlab

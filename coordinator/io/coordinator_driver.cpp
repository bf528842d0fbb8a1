#include "coordinator/io/coordinator_driver.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/io/file.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/limits.hpp"
#include "common/protocol/topics.hpp"
#include "coordinator/io/trace_text.hpp"

namespace proxima::coordinator {
namespace {

using protocol::NodeTopic;

void send_json(io::Responder& responder, int status, std::string body) {
  responder.send({status, "application/json", std::move(body), {}});
}

BuildQueueOptions queue_options(const CoordinatorOptions& core) {
  BuildQueueOptions options;
  options.first_id = (core.term << 32U) + 1;  // a builder may still hold a job of an earlier life
  return options;
}

bool is_over(TaskState state) { return state == TaskState::refused || state == TaskState::stopped; }

}  // namespace

CoordinatorDriver::CoordinatorDriver(io::Loop& loop, const io::Log& log, DriverOptions options, BlobStore& blobs,
                                     ObjectStore& objects)
    : loop_(loop),
      log_(log),
      options_(std::move(options)),
      blobs_(blobs),
      started_(io::Loop::now()),
      core_(options_.core),
      builds_(desk_parts(objects), queue_options(options_.core)),
      changes_(
          loop,
          [this](TaskId id) -> std::optional<std::string> {
            const auto task = core_.task(id);
            if (!task) return std::nullopt;
            return task_body(*task, name_of(), io::Loop::now());
          },
          [this](const NodeId& id) -> std::optional<std::string> {
            const auto node = core_.node(id);
            if (!node) return std::nullopt;
            return node_body(*node, io::Loop::now());
          }),
      timer_(loop, [this] { on_timer(); }) {
  arm();
}

BuildDesk::Parts CoordinatorDriver::desk_parts(ObjectStore& objects) {
  return {loop_,
          log_,
          blobs_,
          objects,
          [this](Event event) { feed(std::move(event)); },
          [this](const Digest& module) { return in_use(module); },
          [this](const Digest& module) { return memory_of(module); }};
}

Result<void> CoordinatorDriver::start() {
  io::MqttOptions mqtt;
  mqtt.endpoint = options_.broker;
  mqtt.client_id = "coordinator-" + options_.region + "-" + to_text(TaskId{io::random_u64()});
  mqtt.subscriptions = {{protocol::node_filter(options_.region, NodeTopic::birth), 1},
                        {protocol::node_filter(options_.region, NodeTopic::beat), 0},
                        {protocol::node_filter(options_.region, NodeTopic::event), 1}};
  mqtt.message_bytes = limits::control_message_bytes;
  io::MqttCallbacks callbacks;
  callbacks.on_connected = [this] {
    log_.info("broker", "connected to " + options_.broker);
    feed(BrokerLinkChanged{true});
  };
  callbacks.on_lost = [this](const std::string& reason) {
    log_.warning("broker", "lost: " + reason);
    feed(BrokerLinkChanged{false});
  };
  callbacks.on_message = [this](io::MqttMessage&& message) { on_message(message); };
  callbacks.on_attempt_failed = [this](const std::string& reason) { log_.debug("broker", "not reached: " + reason); };
  Result<std::unique_ptr<io::MqttLink>> link = io::MqttLink::start(loop_, std::move(mqtt), std::move(callbacks));
  if (!link) return link.failure();
  broker_ = *std::move(link);
  return {};
}

void CoordinatorDriver::close(std::function<void()> done) {
  timer_.cancel();
  if (broker_ == nullptr) return done();
  broker_->close(std::move(done));
}

void CoordinatorDriver::ask(const std::function<Event(RequestId)>& make, io::Responder responder) {
  const RequestId id{++last_request_};
  waiting_.emplace(id, Waiting{std::move(responder), io::Loop::now() + options_.request_time});
  feed(make(id));
}

void CoordinatorDriver::feed(Event event) {
  queue_.push_back(std::move(event));
  run_queue();
}

void CoordinatorDriver::run_queue() {
  if (running_) return;  // the outer call goes on with what was just queued
  running_ = true;
  while (!queue_.empty()) {
    const Event event = std::move(queue_.front());
    queue_.pop_front();
    if (log_.enabled(io::LogLevel::debug)) log_.debug("event", trace_text(event));
    Effects effects;
    core_.handle(event, io::Loop::now(), effects);
    for (const Effect& effect : effects) apply(effect);
  }
  running_ = false;
  arm();
}

struct CoordinatorDriver::Apply {
  CoordinatorDriver& driver;
  void operator()(const SendDesired& effect) const { driver.publish(effect); }
  void operator()(const RequestBuild& effect) const { driver.builds_.request(effect); }
  void operator()(const Reply& effect) const { driver.answer(effect); }
  void operator()(const TaskChanged& effect) const { driver.changes_.task_changed(effect.task); }
  void operator()(const NodeChanged& effect) const { driver.changes_.node_changed(effect.node); }
};

void CoordinatorDriver::apply(const Effect& effect) {
  if (log_.enabled(io::LogLevel::debug)) log_.debug("effect", trace_text(effect));
  std::visit(Apply{*this}, effect);
}

void CoordinatorDriver::publish(const SendDesired& send) {
  if (broker_ == nullptr || !broker_->connected()) return;  // the core says it again when the broker is back
  const std::string topic = protocol::node_topic(options_.region, send.node, NodeTopic::command);
  const Result<void> sent = broker_->publish(topic, protocol::encode(send.desired), 1, false);
  if (!sent) log_.warning("broker", "cannot send to node " + to_text(send.node) + ": " + sent.error().text());
}

void CoordinatorDriver::answer(const Reply& reply) {
  const auto waiting = waiting_.find(reply.request);
  if (waiting == waiting_.end()) {
    log_.debug("api", "request " + std::to_string(reply.request.value) + " was answered before");
    return;
  }
  io::Responder responder = std::move(waiting->second.responder);
  waiting_.erase(waiting);
  if (const auto* accepted = std::get_if<TaskAccepted>(&reply.body)) {
    send_json(responder, 201, task_accepted_body(*accepted));
  } else if (const auto* wanted = std::get_if<TrialsWanted>(&reply.body)) {
    send_json(responder, 200, trials_wanted_body(*wanted));
  } else if (const auto* answer = std::get_if<TaskAnswer>(&reply.body)) {
    const std::optional<TaskView> task = core_.task(answer->task);
    if (task) {
      send_json(responder, 200, task_body(*task, name_of(), io::Loop::now()));
    } else {
      send_json(responder, 404, error_body({"there is no such task", "it is over and forgotten", ""}));
    }
  } else if (const auto* refused = std::get_if<RequestRefused>(&reply.body)) {
    const int status = refused->code >= 400 && refused->code < 600 ? refused->code : 500;
    send_json(responder, status, error_body({refused->what, refused->why, refused->hint}));
  }
}

void CoordinatorDriver::on_message(const io::MqttMessage& message) {
  // The node is read from the topic alone, so none can speak for another: the broker's rules bind a topic to its owner.
  const auto topic = protocol::parse_node_topic(options_.region, message.topic);
  if (!topic) return log_.warning("broker", "a message on '" + message.topic + "', which is no node's topic");
  switch (topic->kind) {
    case NodeTopic::birth: {
      if (message.payload.empty()) return;  // a retained birth was cleared by hand: no news of the node itself
      Result<protocol::Presence> presence = protocol::decode_presence(message.payload);
      if (!presence) return refuse_message(topic->node, presence.error().text());
      return feed(PresenceReceived{topic->node, *std::move(presence)});
    }
    case NodeTopic::beat: {
      const Result<protocol::Beat> beat = protocol::decode_beat(message.payload);
      if (!beat) return refuse_message(topic->node, beat.error().text());
      return feed(BeatReceived{topic->node, *beat});
    }
    case NodeTopic::event: {
      Result<protocol::NodeEvent> event = protocol::decode_node_event(message.payload);
      if (!event) return refuse_message(topic->node, event.error().text());
      return feed(NodeEventReceived{topic->node, *std::move(event)});
    }
    case NodeTopic::command: return;  // our own
  }
}

void CoordinatorDriver::refuse_message(const NodeId& node, const std::string& why) {
  if (malformed_.size() >= limits::nodes && malformed_.count(node) == 0) malformed_.erase(malformed_.begin());
  const std::uint64_t count = ++malformed_[node];
  // The 1st, 2nd, 4th, 8th…: a node that goes on for ever does not fill the disk with it.
  if ((count & (count - 1)) != 0) return;
  log_.warning("broker", "node " + to_text(node) + " sent a message that cannot be read (" + std::to_string(count) +
                             " so far): " + why);
}

void CoordinatorDriver::on_timer() {
  const Instant now = io::Loop::now();
  expire_requests(now);
  if (core_.next_deadline() <= now) {
    Effects effects;
    running_ = true;
    core_.on_time(now, effects);
    for (const Effect& effect : effects) apply(effect);
    running_ = false;
  }
  run_queue();
}

void CoordinatorDriver::expire_requests(Instant now) {
  while (!waiting_.empty() && waiting_.begin()->second.until <= now) {
    io::Responder responder = std::move(waiting_.begin()->second.responder);
    waiting_.erase(waiting_.begin());
    send_json(responder, 504,
              error_body({"the request took too long", "what it waits for did not happen in " +
                              std::to_string(options_.request_time.ns / Duration::seconds(1).ns) + " s",
                          "look at the task's state and its nodes, then ask again"}));
  }
}

void CoordinatorDriver::arm() {
  Instant next = core_.next_deadline();
  if (!waiting_.empty()) next = std::min(next, waiting_.begin()->second.until);
  timer_.once_at(next);
}

RegionSummary CoordinatorDriver::summary() const {
  return {options_.region, broker_ != nullptr && broker_->connected(), core_.nodes().size(), core_.tasks().size(),
          io::Loop::now() - started_};
}

NameOf CoordinatorDriver::name_of() const {
  return [this](const NodeId& id) {
    const auto node = core_.node(id);
    return node && !node->birth.name.empty() ? node->birth.name : to_text(id);
  };
}

bool CoordinatorDriver::in_use(const Digest& module) const {
  const std::vector<TaskView> tasks = core_.tasks();
  return std::any_of(tasks.begin(), tasks.end(),
                     [&module](const TaskView& task) { return task.spec.module == module && !is_over(task.state); });
}

std::uint32_t CoordinatorDriver::memory_of(const Digest& module) const {
  std::uint32_t memory_mib = protocol::TaskSpec{}.memory_mib;
  for (const TaskView& task : core_.tasks()) {
    if (task.spec.module == module) memory_mib = std::max(memory_mib, task.spec.memory_mib);
  }
  return memory_mib;
}

}  // namespace proxima::coordinator

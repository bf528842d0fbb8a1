#include "agent/io/driver.hpp"

#include <utility>

#include "agent/io/event_text.hpp"
#include "agent/io/host_probe.hpp"
#include "agent/io/idle_memory.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/limits.hpp"
#include "common/protocol/topics.hpp"

namespace proxima::agent {
namespace {

using protocol::NodeTopic;

constexpr Duration leave_limit = Duration::millis(2500);
// Beats tell of a silent death long before; a longer span saves an idle device wake-ups.
constexpr Duration keep_alive = Duration::seconds(20);
// A whole frame fits, so that a sender need not wait for us to read; how many frames are under way is credit's business.
constexpr int kernel_receive_bytes = 512 << 10;
constexpr int kernel_send_bytes = 128 << 10;

// What nobody's task can bring about: an instance that the owner, the system or the agent itself killed.
bool is_by_task(std::string_view reason) {
  return reason != "stopped" && !reason.ends_with("signal 9") && !reason.ends_with("(signal 9)");
}

}  // namespace

Driver::Driver(io::Loop& loop, const io::Log& log, const DriverOptions& options)
    : loop_(loop),
      log_(log),
      options_(options),
      timer_(loop, [this] { on_time(); }),
      bury_(loop, [this] { gone_workers_.clear(); }),
      leave_limit_(loop, [this] {
        log_.warning("agent", "instances did not stop in time; they are killed");
        workers_.clear();
        leave_when_empty();
      }) {}

Driver::~Driver() = default;

Result<std::unique_ptr<Driver>> Driver::open(io::Loop& loop, io::ZmqContext& context, const io::Log& log,
                                             const DriverOptions& options) {
  std::unique_ptr<Driver> driver(new Driver(loop, log, options));
  PROXIMA_TRY(driver->open_sockets(context));
  AgentOptions core;
  core.birth = options.birth;
  core.birth.frames_endpoint = options.advertise_frames.empty() ? driver->frames_endpoint_ : options.advertise_frames;
  core.birth.echo_endpoint = options.advertise_echo.empty() ? driver->echo_endpoint_ : options.advertise_echo;
  core.idle_beat = options.idle_beat;
  driver->core_.emplace(core);
  driver->fetcher_ = std::make_unique<ObjectFetcher>(loop, log, ObjectCache(options.cache_directory, options.cache_bytes),
                                                     options.coordinator,
                                                     [own = driver.get()](Event event) { own->happen(std::move(event)); });
  PROXIMA_TRY(driver->connect());
  return driver;
}

Result<void> Driver::open_sockets(io::ZmqContext& context) {
  io::ZmqOptions zmq;
  zmq.kernel_receive_bytes = kernel_receive_bytes;
  zmq.kernel_send_bytes = kernel_send_bytes;
  zmq.max_part_bytes = limits::frame_bytes;
  auto router = io::RouterSocket::bind(loop_, context, options_.frames, zmq,
                                       [this](std::string_view peer, io::Parts parts) { on_client(peer, parts); });
  if (!router) return router.failure();
  router_ = std::move(*router);
  frames_endpoint_ = router_->endpoint();
  auto echo = EchoResponder::open(loop_, options_.echo, options_.echo_limits);
  if (!echo) return echo.failure();
  echo_ = std::move(*echo);
  echo_endpoint_ = echo_->local().text();
  return {};
}

Result<void> Driver::connect() {
  io::MqttOptions mqtt;
  mqtt.endpoint = options_.broker;
  mqtt.client_id = "agent-" + to_text(options_.node);
  mqtt.keep_alive = keep_alive;
  const protocol::Presence lost = protocol::Lost{options_.birth.incarnation};
  mqtt.will = io::MqttMessage{protocol::node_topic(options_.region, options_.node, NodeTopic::birth), protocol::encode(lost), 1, true};
  mqtt.subscriptions = {{protocol::node_topic(options_.region, options_.node, NodeTopic::command), 1}};
  io::MqttCallbacks callbacks;
  callbacks.on_connected = [this] {
    log_.info("region", "connected to the broker at " + options_.broker);
    said_unreachable_ = false;
    happen(BrokerConnected{});
  };
  callbacks.on_lost = [this](const std::string& reason) {
    log_.warning("region", "lost the broker (" + reason + "); tasks go on");
    happen(BrokerLost{});
  };
  callbacks.on_message = [this](io::MqttMessage&& message) { on_command(message); };
  callbacks.on_attempt_failed = [this](const std::string& reason) {
    const std::string what = "cannot reach the broker at " + options_.broker + ": " + reason;
    if (std::exchange(said_unreachable_, true)) return log_.debug("region", what);
    log_.warning("region", what + "; it is tried on and on, see whether it runs and --broker names it");
  };
  auto link = io::MqttLink::start(loop_, std::move(mqtt), std::move(callbacks));
  if (!link) return link.failure();
  mqtt_ = std::move(*link);
  return {};
}

void Driver::on_client(std::string_view peer, io::Parts parts) {
  PeerId from{std::string(peer)};
  auto message = protocol::decode_client_message(parts[0]);
  if (!message) {
    ++garbled_;
    return happen(ClientGarbled{std::move(from), message.error().text()});
  }
  const bool carries = std::holds_alternative<protocol::Frame>(*message) || std::holds_alternative<protocol::Transfer>(*message);
  if (parts.size() != (carries ? 2U : 1U)) {
    ++garbled_;
    return happen(ClientGarbled{std::move(from), carries ? "a payload part is missing" : "a part too many"});
  }
  ClientSaid said{std::move(from), {++tokens_}, std::move(*message), 0};
  if (carries) {
    payload_ = parts[1];
    said.payload_bytes = static_cast<std::uint32_t>(payload_.size());
  }
  happen(std::move(said));
  payload_ = {};
}

void Driver::on_command(const io::MqttMessage& message) {
  auto desired = protocol::decode_desired(message.payload);
  if (!desired) return log_.warning("region", "a command that cannot be read: " + desired.error().text());
  happen(DesiredReceived{std::move(*desired)});
}

void Driver::happen(Event event) {
  pending_.push_back(std::move(event));
  if (happening_) return;
  happening_ = true;
  while (!pending_.empty()) {
    const Event next = std::move(pending_.front());
    pending_.pop_front();
    settle(next);
  }
  happening_ = false;
  rearm();
}

void Driver::settle(const Event& event) {
  if (log_.enabled(io::LogLevel::debug)) log_.debug("event", event_text(event));
  Effects effects;
  core_->handle(event, io::Loop::now(), effects);
  perform_all(effects);
}

void Driver::on_time() {
  Effects effects;
  core_->on_time(io::Loop::now(), effects);
  happening_ = true;
  perform_all(effects);
  happening_ = false;
  while (!pending_.empty()) {
    Event next = std::move(pending_.front());
    pending_.pop_front();
    happen(std::move(next));
  }
  rearm();
}

void Driver::perform_all(Effects& effects) {
  for (const Effect& effect : effects) std::visit([this](const auto& known) { perform(known); }, effect);
}

void Driver::rearm() { timer_.once_at(core_->next_deadline()); }

void Driver::perform(const PublishPresence& effect) {
  const auto sent = mqtt_->publish(protocol::node_topic(options_.region, options_.node, NodeTopic::birth),
                                   protocol::encode(effect.presence), 1, true);
  if (!sent) log_.debug("region", sent.error().text());
}

void Driver::perform(const PublishBeat& effect) {
  // Once for each time of rest, when it has lasted from one beat to the next.
  idle_beats_ = effect.beat.instances == 0 ? idle_beats_ + 1 : 0;
  if (idle_beats_ == 2) give_back_idle_memory();
  const auto sent = mqtt_->publish(protocol::node_topic(options_.region, options_.node, NodeTopic::beat),
                                   protocol::encode(effect.beat), 0, false);
  if (!sent) log_.debug("region", sent.error().text());
}

void Driver::perform(const PublishEvent& effect) {
  if (const auto* report = std::get_if<protocol::InstanceReport>(&effect.event)) log_report(log_, *report);
  const auto sent = mqtt_->publish(protocol::node_topic(options_.region, options_.node, NodeTopic::event),
                                   protocol::encode(effect.event), 1, false);
  if (!sent) log_.debug("region", sent.error().text());
}

void Driver::perform(const FetchObject& effect) {
  fetcher_->fetch(effect.key, {effect.module, options_.birth.target, effect.variant});
}

void Driver::perform(const CancelFetch& effect) { fetcher_->cancel(effect.key); }

void Driver::perform(const StartWorker& effect) {
  WorkerSpec spec;
  spec.instance = effect.key.instance;
  spec.epoch = effect.key.epoch;
  spec.task_name = effect.desired.task_name;
  spec.object_path = effect.object_path;
  spec.memory_mib = effect.desired.memory_mib;
  spec.functions = effect.desired.functions;
  spec.input = effect.desired.input;
  spec.cpu_percent = options_.birth.cpu_percent;
  spec.output_limit_bytes = limits::output_bytes;
  const InstanceKey key = effect.key;
  WorkerCallbacks callbacks;
  callbacks.on_ready = [this, key](const WorkerProcesses& processes) {
    happen(WorkerReady{key, processes.worker_pid, processes.host_pid, processes.isolation});
  };
  callbacks.on_done = [this, key](const WorkDone& done) {
    output_ = done.output;
    happen(FrameDone{key, {done.token}, done.ok, done.code, done.executed_us, done.cpu_us});
    output_ = {};
  };
  callbacks.on_gone = [this, key](const std::string& reason, std::uint64_t culprit) { worker_gone(key, reason, culprit); };
  callbacks.on_log = [this, name = spec.task_name](int level, std::string_view text) {
    log_.write(level >= 2 ? io::LogLevel::warning : io::LogLevel::info, name, text);
  };
  auto runner = WorkerRunner::start(loop_.raw(), options_.worker_program, options_.vision_program, spec, std::move(callbacks));
  if (!runner) return happen(WorkerGone{key, runner.error().text(), {}, false});
  workers_[key] = std::move(*runner);
}

void Driver::perform(const StopWorker& effect) {
  const auto found = workers_.find(effect.key);
  if (found != workers_.end()) found->second->stop();
}

void Driver::perform(const HandOver& effect) {
  const auto worker = workers_.find(effect.key);
  const auto kept = kept_.find(effect.token);
  // A worker that is ending takes nothing; its end, which is on its way, answers for the frame.
  if (worker != workers_.end() && worker->second->idle())
    worker->second->submit(effect.token.value, effect.shape, kept == kept_.end() ? payload_ : io::View(kept->second));
  if (kept != kept_.end()) kept_.erase(kept);
}

void Driver::perform(const KeepPayload& effect) { kept_[effect.token].assign(payload_.begin(), payload_.end()); }

void Driver::perform(const DropPayload& effect) { kept_.erase(effect.token); }

void Driver::perform(const SendToClient& effect) {
  const protocol::Bytes header = protocol::encode(effect.message);
  const bool two_parts = std::holds_alternative<protocol::ResultHeader>(effect.message);
  const io::View output = effect.with_output ? output_ : io::View();
  const io::SendOutcome outcome =
      two_parts ? router_->send(effect.peer.bytes, header, output) : router_->send(effect.peer.bytes, header);
  if (outcome != io::SendOutcome::sent) happen(ClientUnreachable{effect.peer});
}

void Driver::worker_gone(const InstanceKey& key, const std::string& reason, std::uint64_t culprit) {
  const auto found = workers_.find(key);
  if (found != workers_.end()) {
    gone_workers_.push_back(std::move(found->second));
    workers_.erase(found);
    bury_.once_in({});
  }
  happen(WorkerGone{key, reason, {culprit}, is_by_task(reason)});
  leave_when_empty();
}

void Driver::leave(std::function<void()> done) {
  if (left_) return;
  left_ = std::move(done);
  leave_limit_.once_in(leave_limit);
  happen(LeaveRequested{});
  leave_when_empty();
}

void Driver::leave_when_empty() {
  if (!left_ || !core_->leaving() || !workers_.empty() || !mqtt_) return;
  leave_limit_.cancel();
  timer_.cancel();
  log_counts();
  mqtt_->close(std::exchange(left_, [] {}));
}

void Driver::log_counts() const {
  const FrameCounts& frames = core_->sessions().counts();
  const EchoCounts& echoes = echo_->counts();
  log_.info("agent", "leaves: " + std::to_string(frames.executed) + " frames executed, " + std::to_string(frames.failed) +
                         " failed, " + std::to_string(frames.dropped_late) + " late, " + std::to_string(frames.refused) +
                         " refusals, " + std::to_string(frames.sessions_lost) + " sessions lost, " + std::to_string(garbled_) +
                         " garbled messages; echoes: " + std::to_string(echoes.answered) + " answered, " +
                         std::to_string(echoes.over_rate) + " over the rate, " + std::to_string(echoes.ignored) +
                         " ignored; " + std::to_string(own_rss_kib()) + " KiB resident");
}

}  // namespace proxima::agent

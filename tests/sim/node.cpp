#include "tests/sim/node.hpp"

#include <iterator>
#include <utility>
#include <variant>

#include "tests/sim/region.hpp"

namespace proxima::sim {
namespace {

constexpr Duration connect_again = Duration::millis(700);
constexpr Duration object_again = Duration::millis(300);

}  // namespace

Node::Node(Region& region, std::size_t index, NodeProfile profile, std::uint64_t seed)
    : region_(region), index_(index), profile_(std::move(profile)), rng_(seed) {
  id_.bytes.fill(static_cast<std::uint8_t>(index + 1));
}

void Node::start() {
  if (core_) return;
  agent::AgentOptions options;
  protocol::Birth& birth = options.birth;
  incarnation_ = rng_.next();
  birth.incarnation = incarnation_;
  birth.name = profile_.name;
  birth.target = profile_.target;
  birth.device_class = "class of " + std::to_string(profile_.execute_us) + " us";
  birth.isolation = protocol::Isolation::full;
  birth.memory_mib = profile_.memory_mib;
  birth.functions = profile_.functions;
  birth.benchmark_us = static_cast<std::uint32_t>(profile_.execute_us);
  birth.frames_endpoint = "node:" + std::to_string(index_);
  birth.echo_endpoint = birth.frames_endpoint;
  core_.emplace(options);
  armed_ = Instant::never();
  region_.note(profile_.name, "starts");
  connect();
}

void Node::crash() {
  if (!core_) return;
  ++life_;
  core_.reset();
  paused_ = false;
  inbox_.clear();
  pending_.clear();
  workers_.clear();
  fetches_.clear();
  kept_.clear();
  region_.checks_of_workers().node_died(index_);
  if (session_) region_.broker().let_go(session_, false);
  session_.reset();
  region_.data_plane().node_died(index_);
  region_.note(profile_.name, "crashes");
}

void Node::leave() {
  if (!core_ || paused_) return;
  region_.note(profile_.name, "leaves");
  happen(agent::LeaveRequested{});
  later(Duration::millis(2500), [this] { crash(); });
}

void Node::pause() {
  if (!core_ || paused_) return;
  paused_ = true;
  region_.note(profile_.name, "stands still");
  if (session_)
    region_.broker().watch_stillness(session_, [this, count = ++pauses_] { return !paused_ || pauses_ != count; });
}

void Node::resume() {
  if (!paused_) return;
  paused_ = false;
  region_.note(profile_.name, "goes on");
  while (!inbox_.empty() && !paused_) {
    const EventQueue::Action next = std::move(inbox_.front());
    inbox_.pop_front();
    next();
  }
}

void Node::kill_worker() {
  if (workers_.empty()) return;
  const auto at = std::next(workers_.begin(), static_cast<std::ptrdiff_t>(rng_.below(workers_.size())));
  const agent::InstanceKey key = at->first;
  deliver([this, key] { worker_gone(key, "the worker was killed by signal 9", false); });
}

Answer Node::answer() const {
  if (!core_) return Answer::refuses;
  return paused_ ? Answer::silent : Answer::accepts;
}

void Node::said(const agent::PeerId& peer, const protocol::ClientMessage& message, std::uint32_t bytes) {
  if (!core_) return;
  deliver([this, peer, message, bytes] {
    arriving_ = {++tokens_};
    happen(agent::ClientSaid{peer, arriving_, message, bytes});
    arriving_ = {};
  });
}

void Node::deliver(EventQueue::Action action) {
  if (paused_) {
    inbox_.push_back(std::move(action));
  } else {
    action();
  }
}

void Node::later(Duration span, EventQueue::Action action) {
  region_.queue().in(span, [this, life = life_, action = std::move(action)] {
    if (core_ && life == life_)
      deliver([this, life, action] {
        if (core_ && life == life_) action();
      });
  });
}

void Node::happen(const agent::Event& event) {
  pending_.push_back(event);
  if (happening_) return;
  happening_ = true;
  while (!pending_.empty()) {
    const agent::Event next = std::move(pending_.front());
    pending_.pop_front();
    const auto* done = std::get_if<agent::FrameDone>(&next);
    finished_ = done != nullptr ? std::optional(done->key) : std::nullopt;
    agent::Effects effects;
    core_->handle(next, region_.now(), effects);
    perform_all(effects);
    finished_.reset();
  }
  happening_ = false;
  arm();
}

void Node::on_time() {
  agent::Effects effects;
  core_->on_time(region_.now(), effects);
  happening_ = true;
  perform_all(effects);
  happening_ = false;
  while (!pending_.empty()) {
    const agent::Event next = std::move(pending_.front());
    pending_.pop_front();
    happen(next);
  }
  arm();
}

// One timer at a time that is asked for; it wakes a little late, as real ones do.
void Node::arm() {
  const Instant due = core_->next_deadline();
  if (due.is_never() || armed_ <= due) return;
  armed_ = due;
  const Duration late = Duration::micros(static_cast<std::int64_t>(rng_.below(1500)));
  region_.queue().at(due + late, [this, life = life_, due] {
    if (!core_ || life != life_ || armed_ != due) return;
    deliver([this, life] {
      if (!core_ || life != life_) return;
      armed_ = Instant::never();
      if (core_->next_deadline() <= region_.now()) return on_time();
      arm();
    });
  });
}

void Node::perform_all(const agent::Effects& effects) {
  for (const agent::Effect& effect : effects) std::visit([this](const auto& known) { perform(known); }, effect);
}

// ---- the broker

void Node::connect() {
  if (session_ || core_->leaving()) return;
  const protocol::Bytes will = protocol::encode(protocol::Presence{protocol::Lost{incarnation_}});
  session_ = region_.broker().connect(
      node_place(index_), will,
      [this, life = life_](const Publication& message) {
        if (core_ && life == life_)
          deliver([this, life, message] {
            if (core_ && life == life_) received(message);
          });
      },
      [this, life = life_] {
        if (core_ && life == life_)
          deliver([this, life] {
            if (!core_ || life != life_) return;
            session_.reset();
            happen(agent::BrokerLost{});
            later(connect_again, [this] { connect(); });
          });
      });
  if (!session_) return later(connect_again, [this] { connect(); });
  happen(agent::BrokerConnected{});
}

void Node::publish(Publication::Topic topic, protocol::Bytes payload) {
  if (session_ && session_->at_peer) region_.broker().publish(session_, {topic, index_, std::move(payload)});
}

void Node::received(const Publication& message) {
  auto desired = protocol::decode_desired(message.payload);
  if (!desired) throw Violation("codec", "a node cannot read its desired state: " + desired.error().text());
  happen(agent::DesiredReceived{*std::move(desired)});
}

void Node::perform(const agent::PublishPresence& effect) {
  publish(Publication::Topic::birth, protocol::encode(effect.presence));
  if (session_ && std::holds_alternative<protocol::Lost>(effect.presence)) region_.broker().let_go(session_, true);
}

void Node::perform(const agent::PublishBeat& effect) { publish(Publication::Topic::beat, protocol::encode(effect.beat)); }
void Node::perform(const agent::PublishEvent& effect) { publish(Publication::Topic::event, protocol::encode(effect.event)); }

// ---- objects

void Node::perform(const agent::FetchObject& effect) {
  const std::uint64_t fetch = ++numbers_;
  fetches_[effect.key] = fetch;
  look_for_object(effect.key, effect.module, fetch);
}

void Node::perform(const agent::CancelFetch& effect) { fetches_.erase(effect.key); }

void Node::look_for_object(const agent::InstanceKey& key, const Digest& module, std::uint64_t fetch) {
  const bool reachable = region_.network().is_open(node_place(index_), coordinator_place);
  const Duration span = reachable ? region_.network().delay({coordinator_place, node_place(index_)}) * 3 : Duration::seconds(3);
  later(span, [this, key, module, fetch] {
    if (fetches_[key] != fetch) return;
    if (!region_.network().is_open(node_place(index_), coordinator_place)) {
      fetches_.erase(key);
      return happen(agent::ObjectUnavailable{key, false, "the coordinator cannot be reached"});
    }
    const auto build = region_.build_of(module, profile_.target);
    if (build == BuildState::running)
      return later(object_again, [this, key, module, fetch] { look_for_object(key, module, fetch); });
    fetches_.erase(key);
    if (build == BuildState::failed) return happen(agent::ObjectUnavailable{key, true, "it cannot be built"});
    happen(agent::ObjectReady{key, "object"});
  });
}

// ---- workers

void Node::perform(const agent::StartWorker& effect) {
  const agent::InstanceKey key = effect.key;
  region_.checks_of_workers().started(index_, key, region_.checks_of_epochs().memory_of(key), profile_.memory_mib);
  const std::uint64_t number = ++numbers_;
  workers_[key] = Worker{number, false, std::nullopt};
  const bool fails = rng_.unit() < region_.faults().start_fails;
  const auto span = Duration::millis(static_cast<std::int64_t>(5 + rng_.below(200)));
  later(span, [this, key, number, fails] {
    const auto found = workers_.find(key);
    if (found == workers_.end() || found->second.number != number || found->second.stopping) return;
    if (fails) return worker_gone(key, "on_open trapped", true);
    happen(agent::WorkerReady{key, static_cast<std::uint32_t>(number), 0, protocol::Isolation::full});
  });
}

void Node::perform(const agent::StopWorker& effect) {
  const agent::InstanceKey key = effect.key;
  const auto found = workers_.find(key);
  if (found == workers_.end()) return;
  found->second.stopping = true;
  const auto span = Duration::millis(static_cast<std::int64_t>(1 + rng_.below(50)));
  later(span, [this, key, number = found->second.number] {
    const auto still = workers_.find(key);
    if (still != workers_.end() && still->second.number == number) worker_gone(key, "stopped", false);
  });
}

void Node::perform(const agent::KeepPayload& effect) {
  if (region_.plant() != Plant::lost_payload) kept_.insert(effect.token);
}

void Node::perform(const agent::HandOver& effect) {
  const bool has_bytes = kept_.erase(effect.token) == 1 || effect.token == arriving_;
  if (!has_bytes) throw Violation(invariant::payload, "a frame is handed over whose payload was dropped");
  const auto found = workers_.find(effect.key);
  if (found == workers_.end()) return;  // its end, which is on its way, answers for the frame
  found->second.in_hand = effect.token;
  execute(effect.key, effect.token);
}

void Node::execute(const agent::InstanceKey& key, agent::FrameToken token) {
  const auto base = static_cast<std::uint64_t>(profile_.execute_us);
  const auto took = static_cast<std::int64_t>(base * 3 / 4 + rng_.below(base));
  const bool traps = rng_.unit() < region_.faults().trap;
  const bool fails = rng_.unit() < region_.faults().frame_fails;
  later(Duration::micros(took), [this, key, token, took, traps, fails] {
    const auto found = workers_.find(key);
    if (found == workers_.end() || found->second.in_hand != token) return;
    if (traps) return worker_gone(key, "trapped: integer divide by zero", true);
    found->second.in_hand.reset();
    const auto us = static_cast<std::uint32_t>(took);
    happen(agent::FrameDone{key, token, !fails, fails ? -1 : 0, us, us});
  });
}

void Node::worker_gone(const agent::InstanceKey& key, const std::string& reason, bool by_task) {
  const auto found = workers_.find(key);
  if (found == workers_.end()) return;
  const agent::FrameToken culprit = found->second.in_hand.value_or(agent::FrameToken{});
  workers_.erase(found);
  region_.checks_of_workers().ended(index_, key);
  region_.note(profile_.name, "worker gone: " + reason);
  happen(agent::WorkerGone{key, reason, culprit, by_task});
}

void Node::perform(const agent::SendToClient& effect) {
  FromAgent out{effect.message, effect.with_output ? finished_ : std::nullopt};
  if (!region_.data_plane().answer(effect.peer, out)) happen(agent::ClientUnreachable{effect.peer});
}

}  // namespace proxima::sim

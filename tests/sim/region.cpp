#include "tests/sim/region.hpp"

#include <cstdio>
#include <variant>

namespace proxima::sim {
namespace {

constexpr Duration connect_again = Duration::millis(900);
constexpr Duration request_patience = Duration::seconds(3);

std::uint64_t seed_of(std::uint64_t seed, std::uint64_t part) { return Prng(seed * 0x100 + part).next(); }

}  // namespace

Region::Region(const RunOptions& options)
    : options_(options),
      rng_(seed_of(options.seed, 1)),
      network_(queue_, seed_of(options.seed, 2)),
      broker_(queue_, network_, seed_of(options.seed, 3)),
      data_plane_(
          queue_, network_, seed_of(options.seed, 4), [this](std::size_t node) { return nodes_[node]->answer(); },
          [this](std::size_t node, const agent::PeerId& peer, const protocol::ClientMessage& message, std::uint32_t bytes) {
            nodes_[node]->said(peer, message, bytes);
          }) {
  network_.on_cut([this](Way way) { broker_.line_was_cut(way); });
}

void Region::note(const std::string& who, const std::string& what) {
  if (!options_.trace) return;
  std::printf("%10.3f ms  %-12s %s\n", static_cast<double>(now().ns - 1'000'000'000) / 1e6, who.c_str(), what.c_str());
}

BuildState Region::build_of(const Digest& module, const std::string& target) const {
  const auto found = builds_.find({module, target});
  return found == builds_.end() ? BuildState::running : found->second;
}

// ---- the coordinator

void Region::connect_coordinator() {
  session_ = broker_.connect(
      coordinator_place, {}, [this](const Publication& message) { received(message); },
      [this] {
        session_.reset();
        note("coordinator", "lost the broker");
        handle(coordinator::BrokerLinkChanged{false});
        queue_.in(connect_again, [this] { connect_coordinator(); });
      });
  if (!session_) return queue_.in(connect_again, [this] { connect_coordinator(); });
  handle(coordinator::BrokerLinkChanged{true});
}

void Region::received(const Publication& message) {
  const NodeId node = nodes_[message.node]->id();
  switch (message.topic) {
    case Publication::Topic::birth: {
      auto presence = protocol::decode_presence(message.payload);
      if (!presence) throw Violation("codec", presence.error().text());
      return handle(coordinator::PresenceReceived{node, *std::move(presence)});
    }
    case Publication::Topic::beat: {
      const auto beat = protocol::decode_beat(message.payload);
      if (!beat) throw Violation("codec", beat.error().text());
      return handle(coordinator::BeatReceived{node, *beat});
    }
    case Publication::Topic::event: {
      auto event = protocol::decode_node_event(message.payload);
      if (!event) throw Violation("codec", event.error().text());
      return handle(coordinator::NodeEventReceived{node, *std::move(event)});
    }
    case Publication::Topic::command: return;
  }
}

void Region::handle(const coordinator::Event& event) {
  coordinator::Effects effects;
  core_->handle(event, now(), effects);
  perform_all(effects);
  arm();
}

void Region::on_time() {
  coordinator::Effects effects;
  core_->on_time(now(), effects);
  perform_all(effects);
  arm();
}

void Region::arm() {
  const Instant due = core_->next_deadline();
  if (due.is_never() || armed_ <= due || options_.plant == Plant::stuck_task) return;
  armed_ = due;
  queue_.at(due + Duration::micros(static_cast<std::int64_t>(rng_.below(1500))), [this, due] {
    if (armed_ != due) return;
    armed_ = Instant::never();
    if (core_->next_deadline() <= now()) return on_time();
    arm();
  });
}

void Region::perform_all(const coordinator::Effects& effects) {
  std::vector<coordinator::SendDesired> desired;
  for (const auto& effect : effects)
    if (const auto* sent = std::get_if<coordinator::SendDesired>(&effect)) desired.push_back(*sent);
  if (options_.plant == Plant::reused_epoch)
    for (auto& sent : desired)
      for (auto& wanted : sent.desired.instances)
        if (wanted.epoch.value > 2) --wanted.epoch.value;
  epochs_.given(desired);
  for (const auto& sent : desired) send(sent);
  for (const auto& effect : effects) {
    if (const auto* wanted = std::get_if<coordinator::RequestBuild>(&effect)) build(*wanted);
    if (const auto* changed = std::get_if<coordinator::TaskChanged>(&effect)) tell_watchers(changed->task);
    if (const auto* reply = std::get_if<coordinator::Reply>(&effect)) {
      for (int times = options_.plant == Plant::second_reply && requests_ % 8 == 7 ? 2 : 1; times > 0; --times) {
        if (answer_ || reply->request.value != requests_)
          throw Violation(invariant::one_reply, "request " + std::to_string(reply->request.value) + " is answered once more");
        answer_ = HttpAnswer{reply->body, std::nullopt};
      }
    }
  }
}

void Region::send(const coordinator::SendDesired& effect) {
  if (!session_ || !session_->at_peer) return;  // the core says it again when the broker is back
  const std::size_t node = index_of(effect.node);
  if (options_.plant == Plant::deaf_node && node == 0 && now() > Instant{20'000'000'000}) return;
  protocol::Desired desired = effect.desired;
  if (options_.plant == Plant::understated)
    for (auto& wanted : desired.instances) wanted.memory_mib = 1;
  broker_.publish(session_, {Publication::Topic::command, node, protocol::encode(desired)});
  if (options_.plant != Plant::two_nodes || node != 0) return;
  desired.term = 1'000'000;
  broker_.publish(session_, {Publication::Topic::command, 1, protocol::encode(desired)});
}

void Region::build(const coordinator::RequestBuild& effect) {
  const BuildKey key{effect.module, effect.target};
  builds_[key] = BuildState::running;
  const bool fails = rng_.unit() < likelihoods_.build_fails;
  const bool slow = rng_.below(4) == 0;
  const auto span = Duration::millis(static_cast<std::int64_t>(50 + rng_.below(slow ? 12'000 : 400)));
  queue_.in(span, [this, key, effect, fails] {
    builds_[key] = fails ? BuildState::failed : BuildState::built;
    note("builder", std::string(fails ? "fails for " : "is done for ") + effect.target);
    if (fails) return handle(coordinator::BuildFailed{effect.module, effect.target, effect.variant, "the compiler says no"});
    handle(coordinator::ObjectBuilt{effect.module, effect.target, effect.variant, effect.module});
  });
}

// ---- HTTP

void Region::ask(std::size_t client, std::function<coordinator::Event(coordinator::RequestId)> make,
                 std::function<void(const std::optional<HttpAnswer>&)> answered) {
  const Way there{client_place(client), coordinator_place};
  const Way back{there.to, there.from};
  const auto settled = std::make_shared<bool>(false);  // answered or given up
  const auto end = [settled, answered = std::move(answered)](const std::optional<HttpAnswer>& answer) {
    if (std::exchange(*settled, true)) return;
    answered(answer);
  };
  queue_.in(request_patience, [end] { end(std::nullopt); });
  if (network_.is_cut(there) || rng_.unit() < likelihoods_.request_lost) return;
  queue_.in(network_.delay(there), [this, back, make = std::move(make), end] {
    answer_.reset();
    const coordinator::RequestId request{++requests_};
    handle(make(request));
    if (!answer_) throw Violation(invariant::one_reply, "request " + std::to_string(request.value) + " has no answer");
    HttpAnswer answer = *std::exchange(answer_, std::nullopt);
    if (const auto* about = std::get_if<coordinator::TaskAnswer>(&answer.body)) answer.view = core_->task(about->task);
    if (network_.is_cut(back) || rng_.unit() < likelihoods_.request_lost) return;
    queue_.in(network_.delay(back), [end, answer = std::move(answer)] { end(answer); });
  });
}

PipePtr Region::watch(std::size_t client, TaskId task) {
  if (!network_.is_open(client_place(client), coordinator_place)) return nullptr;
  const PipePtr pipe = network_.open({coordinator_place, client_place(client)});
  watches_.push_back({client, task, pipe});
  tell_watchers(task);
  return pipe;
}

void Region::tell_watchers(TaskId task) {
  std::erase_if(watches_, [](const Watch& watch) { return watch.pipe.expired(); });
  const auto view = core_->task(task);
  if (!view) return;
  for (const Watch& watch : watches_) {
    if (watch.task != task) continue;
    if (const PipePtr pipe = watch.pipe.lock())
      pipe->send([this, client = watch.client, view = *view] { clients_[client]->show(view); });
  }
}

}  // namespace proxima::sim

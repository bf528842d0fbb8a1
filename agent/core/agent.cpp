#include "agent/core/agent.hpp"

#include <algorithm>
#include <type_traits>
#include <variant>

#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

using protocol::RefusalCode;

Offer offer_of(const protocol::Birth& birth) {
  return {birth.memory_mib, birth.cpu_percent, birth.functions, birth.isolation};
}

}  // namespace

Agent::Agent(const AgentOptions& options)
    : region_(options.birth, options.serving_beat, options.idle_beat), supervisor_(offer_of(options.birth)) {}

void Agent::handle(const Event& event, Instant now, Effects& out) {
  std::visit([&](const auto& known) { on(known, now, out); }, event);
  follow_changes(now, out);
  if (beat_wanted_) beat(now, out);
}

void Agent::on_time(Instant now, Effects& out) {
  supervisor_.on_time(now, out);
  follow_changes(now, out);
  if (beat_wanted_ || region_.next_beat(supervisor_.serving()) <= now) beat(now, out);
}

Instant Agent::next_deadline() const {
  return std::min(supervisor_.next_deadline(), region_.next_beat(supervisor_.serving()));
}

// The broker keeps nothing of an earlier connection and the coordinator may be a new one: all is said again.
void Agent::on(const BrokerConnected&, Instant, Effects& out) {
  if (leaving_) return;
  region_.connected(out);
  report_all(out);
  beat_wanted_ = true;
}

void Agent::on(const BrokerLost&, Instant, Effects&) { region_.lost(); }

void Agent::on(const DesiredReceived& event, Instant now, Effects& out) {
  if (leaving_) return;
  const std::uint64_t term_before = region_.term();
  if (!region_.obeys(event.desired)) return;
  supervisor_.apply(event.desired, now, out);
  const bool changed = follow_changes(now, out);
  // A coordinator that has just started knows nothing of what runs here. One that repeats its wish may have had no broker
  // while we told it something, and whoever wishes for what is dead here has not heard of that.
  if (event.desired.term != term_before || !changed) report_all(out);
  else report_dead(out);
  beat_wanted_ = true;
}

void Agent::on(const ObjectReady& event, Instant now, Effects& out) { supervisor_.object_ready(event, now, out); }

void Agent::on(const ObjectUnavailable& event, Instant now, Effects& out) { supervisor_.object_unavailable(event, now, out); }

void Agent::on(const WorkerReady& event, Instant now, Effects& out) { supervisor_.worker_ready(event, now, out); }

void Agent::on(const WorkerGone& event, Instant now, Effects& out) {
  const Instance* instance = supervisor_.find(event.key);
  const bool expected = instance == nullptr || is_leaving(instance->stage);
  sessions_.close_lane(event, expected ? RefusalCode::unknown_instance : RefusalCode::failed, now, out);
  supervisor_.worker_gone(event, now, out);
}

void Agent::on(const FrameDone& event, Instant now, Effects& out) {
  if (!sessions_.done(event, now, out)) return;
  if (!sessions_.in_hand(event.key)) supervisor_.drained(event.key, now, out);
}

void Agent::on(const ClientSaid& event, Instant now, Effects& out) {
  std::visit(
      [&](const auto& said) {
        using T = std::decay_t<decltype(said)>;
        if constexpr (std::is_same_v<T, protocol::Hello>) {
          sessions_.hello(event.peer, said, standing(said.instance), now, out);
        } else if constexpr (std::is_same_v<T, protocol::Frame>) {
          sessions_.frame(event.peer, event.token, said, event.payload_bytes, standing(said.instance), now, out);
        } else if constexpr (std::is_same_v<T, protocol::Ping>) {
          sessions_.heard(event.peer, now);
          out.emplace_back(SendToClient{event.peer, protocol::Pong{said.token}});
        } else if constexpr (std::is_same_v<T, protocol::Transfer>) {
          out.emplace_back(SendToClient{event.peer, protocol::TransferDone{said.token, event.payload_bytes, 0}});
        } else {
          sessions_.bye(event.peer, said.instance, out);
        }
      },
      event.message);
}

void Agent::on(const ClientGarbled& event, Instant, Effects& out) {
  protocol::Refused refused;
  refused.code = RefusalCode::bad_message;
  refused.reason = event.reason.substr(0, limits::text_bytes);
  out.emplace_back(SendToClient{event.peer, refused});
}

void Agent::on(const ClientUnreachable& event, Instant, Effects& out) { sessions_.unreachable(event.peer, out); }

void Agent::on(const LeaveRequested&, Instant now, Effects& out) {
  if (leaving_) return;
  leaving_ = true;
  supervisor_.apply({}, now, out);
  follow_changes(now, out);
  region_.leave(out);
}

bool Agent::follow_changes(Instant now, Effects& out) {
  bool any = false;
  for (auto changes = supervisor_.take_changes(); !changes.empty(); changes = supervisor_.take_changes()) {
    for (const StageChange& change : changes) follow(change, now, out);
    beat_wanted_ = true;
    any = true;
  }
  return any;
}

void Agent::follow(const StageChange& change, Instant now, Effects& out) {
  const Instance& instance = change.instance;
  if (instance.stage == Stage::ready) {
    sessions_.open_lane(change.key, instance.desired.input);
    frames_told_[change.key] = 0;
  }
  if (change.from == Stage::ready) frames_told_.erase(change.key);
  if (instance.stage == Stage::draining) {
    const bool busy = sessions_.drain_lane(change.key, "the instance was stopped", out);
    if (!busy) supervisor_.drained(change.key, now, out);
  }
  report(change.key, instance, out);
}

void Agent::report(const InstanceKey& key, const Instance& instance, Effects& out) {
  const auto state = wire_state(instance.stage);
  if (!state || !region_.is_connected()) return;
  protocol::InstanceReport told;
  told.incarnation = region_.incarnation();
  told.instance = key.instance;
  told.epoch = key.epoch;
  told.state = *state;
  told.reason = instance.reason;
  told.worker_pid = instance.worker_pid;
  told.host_pid = instance.host_pid;
  told.isolation = instance.isolation;
  if (const Figures* figures = sessions_.figures(key)) {
    told.frames = figures->frames();
    told.execute_us_mean = figures->mean_execute_us();
    told.execute_us_error = figures->error_execute_us();
    told.queue_us_mean = figures->mean_queue_us();
  }
  out.emplace_back(PublishEvent{told});
}

void Agent::report_all(Effects& out) {
  for (const auto& [key, instance] : supervisor_.instances()) report(key, instance, out);
}

void Agent::report_dead(Effects& out) {
  for (const auto& [key, instance] : supervisor_.instances())
    if (instance.stage == Stage::failed || instance.stage == Stage::refused) report(key, instance, out);
}

// New figures go with a beat: at most one report a second for each instance, and no timer of their own.
void Agent::beat(Instant now, Effects& out) {
  beat_wanted_ = false;
  if (!region_.is_connected()) return;
  for (auto& [key, told] : frames_told_) {
    const Figures* figures = sessions_.figures(key);
    const Instance* instance = supervisor_.find(key);
    if (figures == nullptr || instance == nullptr || figures->frames() == told) continue;
    told = figures->frames();
    report(key, *instance, out);
  }
  const InUse use = supervisor_.admitted();
  const FrameCounts& counts = sessions_.counts();
  Load load;
  load.instances = static_cast<std::uint16_t>(use.instances);
  load.memory_mib_used = static_cast<std::uint16_t>(std::min<std::uint64_t>(use.memory_mib, 0xffffU));
  load.frames_executed = static_cast<std::uint32_t>(counts.executed);
  load.cpu_us = counts.cpu_us;
  region_.beat(load, now, out);
}

Standing Agent::standing(InstanceId id) const {
  const Instance* instance = supervisor_.newest(id);
  if (instance == nullptr || is_leaving(instance->stage)) return {};
  using Kind = Standing::Kind;
  Standing here;
  here.epoch = instance->desired.epoch;
  switch (instance->stage) {
    case Stage::ready: here.kind = Kind::ready; break;
    case Stage::failed:
    case Stage::refused:
      here.kind = Kind::failed;
      here.reason = instance->reason;
      break;
    default: here.kind = Kind::coming; break;
  }
  return here;
}

std::uint64_t Agent::digest() const {
  Fingerprint print;
  region_.fingerprint(print);
  supervisor_.fingerprint(print);
  sessions_.fingerprint(print);
  for (const auto& [key, told] : frames_told_) {
    print.add(key.instance.value);
    print.add(key.epoch.value);
    print.add(told);
  }
  print.add(leaving_);
  print.add(beat_wanted_);
  return print.value();
}

}  // namespace proxima::agent

#include "sdk/src/stream_driver.hpp"

#include <algorithm>
#include <utility>

#include "common/protocol/codec.hpp"
#include "sdk/src/statistics.hpp"

namespace proxima::client {

namespace {

stream::Grant grant_of(const GrantInfo& info, const TaskInfo& task) {
  stream::Grant out;
  out.node_name = info.name;
  out.instance = info.instance;
  out.epoch = info.epoch;
  out.endpoint = info.frames;
  out.ticket = info.ticket;
  if (!task.decision) return out;
  for (const NodeJudgement& judged : task.decision->candidates)
    if (judged.node == info.name && judged.terms_ms) out.transfer = Duration::from_ms(judged.terms_ms->transfer);
  return out;
}

FrameStatus status_of(stream::Outcome outcome) {
  switch (outcome) {
    case stream::Outcome::ok: return FrameStatus::ok;
    case stream::Outcome::failed: return FrameStatus::failed;
    case stream::Outcome::dropped_late: return FrameStatus::dropped_late;
    case stream::Outcome::lost: return FrameStatus::lost;
  }
  return FrameStatus::lost;
}

StreamEventKind kind_of(stream::NoteKind kind) {
  switch (kind) {
    case stream::NoteKind::opened: return StreamEventKind::opened;
    case stream::NoteKind::standby_ready: return StreamEventKind::standby_ready;
    case stream::NoteKind::standby_lost: return StreamEventKind::standby_lost;
    case stream::NoteKind::takeover: return StreamEventKind::takeover;
    case stream::NoteKind::move: return StreamEventKind::move;
    case stream::NoteKind::stale_refused: return StreamEventKind::stale_refused;
    case stream::NoteKind::interrupted: return StreamEventKind::interrupted;
    case stream::NoteKind::resumed: return StreamEventKind::resumed;
    case stream::NoteKind::ended: return StreamEventKind::ended;
  }
  return StreamEventKind::ended;
}

}  // namespace

stream::TaskUpdated update_from(const TaskInfo& task) {
  stream::TaskUpdated out;
  out.ended = task.state == "stopped";
  out.reason = task.reason;
  if (task.serving) out.serving = grant_of(*task.serving, task);
  if (task.standby) out.standby = grant_of(*task.standby, task);
  return out;
}

StreamDriver::StreamDriver(io::Loop& loop, io::ZmqContext& context, const stream::StreamOptions& options,
                           StreamHooks hooks)
    : loop_(loop),
      context_(context),
      hooks_(std::move(hooks)),
      core_(options),
      timer_(loop, [this] { tick(); }),
      sweep_(loop, [this] { closing_.clear(); }),
      report_timer_(loop, [this] { report(); }) {
  report_timer_.every(Duration::seconds(1));
}

StreamDriver::~StreamDriver() = default;

void StreamDriver::submit(Submission submission) {
  payloads_[submission.frame.sequence] = std::move(submission.payload);
  step(submission.frame);
}

void StreamDriver::update(const TaskInfo& task) { step(update_from(task)); }

void StreamDriver::close() { step(stream::CloseRequested{}); }

// Carrying out an effect may at once make another event: it waits until the present one is done with.
void StreamDriver::step(const stream::Event& event) {
  pending_.push_back(event);
  if (stepping_) return;
  stepping_ = true;
  while (!pending_.empty()) {
    const stream::Event next = std::move(pending_.front());
    pending_.pop_front();
    stream::Effects effects;
    now_ = io::Loop::now();
    core_.handle(next, now_, effects);
    carry_out(effects);
    output_ = {};
  }
  stepping_ = false;
  publish();
}

void StreamDriver::tick() {
  stream::Effects effects;
  now_ = io::Loop::now();
  stepping_ = true;
  core_.on_time(now_, effects);
  carry_out(effects);
  stepping_ = false;
  if (!pending_.empty()) {
    const stream::Event next = std::move(pending_.front());
    pending_.pop_front();
    step(next);
    return;
  }
  publish();
}

void StreamDriver::publish() {
  timer_.once_at(core_.next_deadline());
  const stream::StreamCounters& counted = core_.counters();
  StreamStats out;
  out.submitted = counted.submitted;
  out.ok = counted.ok;
  out.late = counted.late;
  out.failed = counted.failed;
  out.dropped_late = counted.dropped_late;
  out.lost = counted.lost;
  out.unanswered = core_.unanswered();
  out.duplicates_swallowed = counted.duplicates_swallowed;
  out.stale_refused = counted.stale_refused;
  out.takeovers = counted.takeovers;
  out.moves = counted.moves;
  out.sent_bytes = counted.sent_bytes;
  out.epoch = core_.epoch().value;
  out.open = core_.serving_ready();
  if (std::string node = core_.serving_node(); !node.empty()) node_ = std::move(node);
  out.node = node_;
  out.standby = core_.standby_ready() ? core_.standby_node() : std::string{};
  hooks_.stats(out);
}

void StreamDriver::carry_out(stream::Effects& effects) {
  for (stream::Effect& effect : effects) std::visit([this](auto& it) { run(it); }, effect);
}

void StreamDriver::run(stream::OpenSession& effect) {
  const stream::SessionId session = effect.session;
  auto socket = io::DealerSocket::connect(
      loop_, context_, effect.endpoint, {},
      {.on_message = [this, session](io::Parts parts) { received(session, parts); },
       .on_event =
           [this, session](io::DealerEvent event) {
             if (!sockets_.contains(session)) return;
             switch (event) {
               case io::DealerEvent::connected: step(stream::SessionConnected{session}); break;
               case io::DealerEvent::disconnected: step(stream::SessionDisconnected{session}); break;
               case io::DealerEvent::refused: step(stream::SessionRefused{session}); break;
             }
           }});
  if (socket) sockets_[session] = std::move(*socket);  // without one the core's greeting limit ends the session
}

void StreamDriver::run(stream::CloseSession& effect) {
  const auto found = sockets_.find(effect.session);
  if (found == sockets_.end()) return;
  closing_.push_back(std::move(found->second));
  sockets_.erase(found);
  sweep_.once_in({});
}

void StreamDriver::run(stream::SendMessage& effect) {
  const auto found = sockets_.find(effect.session);
  const auto* frame = std::get_if<protocol::Frame>(&effect.message);
  io::SendOutcome sent = io::SendOutcome::full;
  if (found != sockets_.end()) {
    const protocol::Bytes header = protocol::encode(effect.message);
    if (frame == nullptr) {
      sent = found->second->send(header);
    } else if (const auto payload = payloads_.find(frame->sequence); payload != payloads_.end()) {
      sent = found->second->send(header, payload->second);
    }
  }
  if (frame != nullptr && sent != io::SendOutcome::sent)
    pending_.push_back(stream::SendRefused{effect.session, frame->sequence});
}

void StreamDriver::run(stream::FrameEnded& effect) {
  FrameResult out;
  out.sequence = effect.sequence;
  out.status = status_of(effect.outcome);
  out.submitted_ns = effect.submitted_at.ns;
  out.late = effect.late;
  out.node = std::move(effect.node_name);
  out.epoch = effect.epoch.value;
  out.attempts = effect.attempts;
  out.reason = std::move(effect.reason);
  if (out.status == FrameStatus::ok) {
    out.arrived_ns = now_.ns;
    out.e2e_ms = (now_ - effect.submitted_at).ms();
    out.network_ms = std::max(out.e2e_ms - static_cast<double>(effect.inside_us) / 1000, 0.0);
    out.queue_ms = static_cast<double>(effect.queued_us) / 1000;
    out.execute_ms = static_cast<double>(effect.executed_us) / 1000;
    out.output = output_;
    if (e2e_ms_.size() < samples_most) {
      e2e_ms_.push_back(out.e2e_ms);
      network_ms_.push_back(out.network_ms);
    }
  }
  ++counting_.frames;
  if (out.status != FrameStatus::ok || out.late) ++counting_.late;
  const auto payload = payloads_.find(effect.sequence);
  const auto bytes = payload == payloads_.end() ? 0U : static_cast<std::uint32_t>(payload->second->size());
  if (payload != payloads_.end()) payloads_.erase(payload);
  if (hooks_.on_result) hooks_.on_result(out);
  hooks_.on_ended(bytes);
}

void StreamDriver::run(stream::ReportTakeover& effect) { hooks_.takeover(effect.to, effect.reason); }
void StreamDriver::run(stream::ReportStandbyLost& effect) { hooks_.standby_lost(effect.epoch); }
void StreamDriver::run(stream::AskTask&) { hooks_.ask_task(); }

void StreamDriver::run(stream::Note& effect) {
  if (!hooks_.on_event) return;
  StreamEvent out;
  out.kind = kind_of(effect.kind);
  out.at_ns = now_.ns;
  out.from = std::move(effect.from);
  out.to = std::move(effect.to);
  out.epoch = effect.epoch.value;
  out.sequence = effect.sequence;
  out.resent = effect.resent;
  out.reason = std::move(effect.reason);
  hooks_.on_event(out);
}

void StreamDriver::received(stream::SessionId session, io::Parts parts) {
  if (parts.empty() || !sockets_.contains(session)) return;
  Result<protocol::AgentMessage> message = protocol::decode_agent_message(parts[0]);
  if (!message) return;  // an agent that talks nonsense is as good as silent
  output_ = parts.size() > 1 ? parts[1] : io::View{};
  step(stream::MessageReceived{session, std::move(*message)});
}

void StreamDriver::report() {
  counting_.e2e_p50_ms = percentile(e2e_ms_, 50);
  counting_.e2e_p95_ms = percentile(e2e_ms_, 95);
  counting_.network_p50_ms = percentile(network_ms_, 50);
  hooks_.report(counting_);
  counting_ = {};
  e2e_ms_.clear();
  network_ms_.clear();
}

}  // namespace proxima::client

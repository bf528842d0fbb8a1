// Streaming: the stream core with its sessions, and the link to the coordinator.
#include <algorithm>
#include <utility>

#include "tests/sim/client.hpp"
#include "tests/sim/region.hpp"

namespace proxima::sim {
namespace {

constexpr Duration again_first = Duration::millis(200);
constexpr Duration again_longest = Duration::seconds(2);
constexpr Duration watch_patience = Duration::seconds(20);
constexpr std::uint32_t frame_bytes = 1000;

std::size_t node_of(const std::string& endpoint) { return static_cast<std::size_t>(std::stoul(endpoint.substr(5))); }

stream::Grant grant_of(const coordinator::Grant& grant) {
  stream::Grant out;
  out.node_name = grant.node_name;
  out.instance = grant.instance;
  out.epoch = grant.epoch;
  out.endpoint = grant.frames_endpoint;
  out.ticket = grant.ticket;
  return out;
}

stream::TaskUpdated update_from(const coordinator::TaskView& view) {
  stream::TaskUpdated out;
  out.ended = view.state == coordinator::TaskState::stopped;
  out.reason = view.reason;
  if (view.serving) out.serving = grant_of(*view.serving);
  if (view.standby) out.standby = grant_of(*view.standby);
  return out;
}

}  // namespace

void Client::open_stream(const coordinator::TaskView& view) {
  region_.note(name_, "streams to " + (view.serving ? view.serving->node_name : std::string("nobody")));
  phase_ = Phase::streaming;
  stream::StreamOptions options;
  if (spec_.contract.deadline_ms) options.deadline = Duration::from_ms(*spec_.contract.deadline_ms);
  core_.emplace(options);
  update(view);
  report_every_second();
  watch();
}

void Client::update(const coordinator::TaskView& view) { step(update_from(view)); }

void Client::burst(std::uint32_t count, Duration pace) {
  if (count == 0 || !core_ || phase_ != Phase::streaming) return;
  stream::FrameSubmitted frame;
  frame.sequence = ++sequence_;
  frame.bytes = frame_bytes;
  frame.at = region_.now();
  const Duration deadline = spec_.contract.deadline_ms ? Duration::from_ms(*spec_.contract.deadline_ms) : Duration::seconds(5);
  const Duration patience = std::max(deadline * 4, Duration::seconds(2));
  check_.submitted(frame.sequence, region_.now() + patience + Duration::millis(100));
  ++region_.counts().frames;
  step(frame);
  later(pace, [this, count, pace] { burst(count - 1, pace); });
}

void Client::step(const stream::Event& event) {
  pending_.push_back(event);
  if (stepping_) return;
  stepping_ = true;
  while (!pending_.empty()) {
    const stream::Event next = std::move(pending_.front());
    pending_.pop_front();
    stream::Effects effects;
    core_->handle(next, region_.now(), effects);
    plant_in(effects);
    perform_all(effects);
    made_by_.reset();
  }
  stepping_ = false;
  check_.at(region_.now());
  arm();
}

void Client::on_time() {
  stream::Effects effects;
  core_->on_time(region_.now(), effects);
  plant_in(effects);
  stepping_ = true;
  perform_all(effects);
  stepping_ = false;
  if (!pending_.empty()) {
    const stream::Event next = std::move(pending_.front());
    pending_.pop_front();
    return step(next);
  }
  check_.at(region_.now());
  arm();
}

void Client::arm() {
  const Instant due = core_->next_deadline();
  if (due.is_never() || armed_ <= due) return;
  armed_ = due;
  const Duration late = Duration::micros(static_cast<std::int64_t>(rng_.below(1500)));
  region_.queue().at(due + late, [this, due, life = life_] {
    if (!lives(life) || armed_ != due) return;
    armed_ = Instant::never();
    if (core_->next_deadline() <= region_.now()) return on_time();
    arm();
  });
}

void Client::perform_all(const stream::Effects& effects) {
  for (const stream::Effect& effect : effects) std::visit([this](const auto& known) { perform(known); }, effect);
}

// ---- sessions

void Client::perform(const stream::OpenSession& effect) {
  const stream::SessionId session = effect.session;
  const auto known = [this, session, life = life_] { return lives(life) && links_.contains(session); };
  links_[session] = region_.data_plane().open(
      index_, node_of(effect.endpoint),
      {[this, known, session] { if (known()) step(stream::SessionConnected{session}); },
       [this, known, session] { if (known()) step(stream::SessionDisconnected{session}); },
       [this, known, session] { if (known()) step(stream::SessionRefused{session}); },
       [this, known, session](const FromAgent& from) { if (known()) received(session, from); }});
}

void Client::perform(const stream::CloseSession& effect) {
  const auto found = links_.find(effect.session);
  if (found == links_.end()) return;
  region_.data_plane().close(found->second);
  links_.erase(found);
}

void Client::perform(const stream::SendMessage& effect) {
  const auto found = links_.find(effect.session);
  const auto* frame = std::get_if<protocol::Frame>(&effect.message);
  if (const auto* hello = std::get_if<protocol::Hello>(&effect.message))
    greeted_[effect.session] = {{hello->instance, hello->epoch}, found == links_.end() ? 0 : found->second->node};
  const bool sent = found != links_.end() &&
                    region_.data_plane().send(found->second, effect.message, frame != nullptr ? frame_bytes : 0);
  if (frame == nullptr) return;
  check_.obeyed(frame->epoch);
  if (!sent) pending_.push_back(stream::SendRefused{effect.session, frame->sequence});
}

void Client::received(stream::SessionId session, FromAgent from) {
  made_by_ = from.made_by;
  auto* result = std::get_if<protocol::ResultHeader>(&from.message);
  if (result != nullptr && region_.plant() == Plant::stale_result && result->epoch < core_->epoch()) {
    for (const auto& [other, instance] : greeted_) {
      if (instance.key.epoch != core_->epoch()) continue;
      session = other;
      result->instance = instance.key.instance;
      result->epoch = instance.key.epoch;
    }
  }
  step(stream::MessageReceived{session, from.message});
}

void Client::perform(const stream::FrameEnded& effect) {
  check_.ended(effect, made_by_);
  if (effect.outcome != stream::Outcome::ok) return;
  last_delivered_ = effect.sequence;
  ++region_.counts().delivered;
}

void Client::plant_in(stream::Effects& effects) {
  const Plant plant = region_.plant();
  if (plant != Plant::lost_outcome && plant != Plant::second_outcome && plant != Plant::out_of_order) return;
  stream::Effects out;
  for (const stream::Effect& effect : effects) {
    const auto* ended = std::get_if<stream::FrameEnded>(&effect);
    const bool hit = ended != nullptr && ended->sequence % 16 == 7;
    if (!hit || plant == Plant::second_outcome) out.push_back(effect);
    if (hit && plant == Plant::second_outcome) out.push_back(effect);
    if (hit && plant == Plant::out_of_order && ended->outcome == stream::Outcome::ok) held_ = *ended;
    if (!hit && ended != nullptr && ended->outcome == stream::Outcome::ok && held_) {
      out.emplace_back(*held_);
      held_.reset();
    }
  }
  effects = std::move(out);
}

void Client::perform(const stream::Note& effect) {
  if (effect.kind == stream::NoteKind::takeover) ++region_.counts().takeovers;
  if (effect.kind == stream::NoteKind::move) ++region_.counts().moves;
  if (effect.kind == stream::NoteKind::stale_refused) ++region_.counts().stale_refused;
  if (effect.kind == stream::NoteKind::ended) phase_ = Phase::ended;
  region_.note(name_, "note " + std::to_string(static_cast<int>(effect.kind)) + " epoch " + std::to_string(effect.epoch.value) +
                          " " + effect.from + ">" + effect.to + " " + effect.reason);
}

// ---- the link to the coordinator

void Client::perform(const stream::ReportTakeover& effect) {
  if (region_.plant() == Plant::wrong_instance) return;
  wishes_.takeover = effect;
  speak();
}

void Client::perform(const stream::ReportStandbyLost& effect) {
  wishes_.standby_lost = effect.epoch;
  speak();
}

void Client::perform(const stream::AskTask&) {
  wishes_.ask = true;
  speak();
}

void Client::report_every_second() {
  if (phase_ != Phase::streaming) return;
  wishes_.report = true;
  speak();
  later(Duration::seconds(1), [this] { report_every_second(); });
}

void Client::speak() {
  if (speaking_ || !wishes_.any()) return;
  speaking_ = true;
  say_next();
}

// One wish a request. What cannot be told is kept, unless something newer of its kind has come.
void Client::say_next() {
  Wishes taken;
  std::function<coordinator::Event(coordinator::RequestId)> make;
  const TaskId task = *task_;
  if (wishes_.takeover) {
    taken.takeover = std::exchange(wishes_.takeover, std::nullopt);
    make = [task, told = *taken.takeover](coordinator::RequestId request) {
      return coordinator::TakeoverReported{request, task, told.to, told.reason};
    };
  } else if (wishes_.standby_lost) {
    taken.standby_lost = std::exchange(wishes_.standby_lost, std::nullopt);
    make = [task, epoch = *taken.standby_lost](coordinator::RequestId request) {
      return coordinator::StandbyLost{request, task, epoch};
    };
  } else {
    // To ask for the task and to report renew the lease alike and have the same answer.
    taken.ask = std::exchange(wishes_.ask, false);
    wishes_.report = false;
    make = [task](coordinator::RequestId request) { return coordinator::ClientReport{request, task, 0, 0, 0, 0, 0}; };
  }
  region_.ask(index_, std::move(make), [this, life = life_, taken](const std::optional<HttpAnswer>& answer) {
    if (lives(life)) said(answer, taken);
  });
}

void Client::said(const std::optional<HttpAnswer>& answer, const Wishes& taken) {
  speaking_ = false;
  if (answer) {
    again_ = again_first;
    if (answer->view) show(*answer->view);
    return speak();
  }
  if (taken.takeover && !wishes_.takeover) wishes_.takeover = taken.takeover;
  if (taken.standby_lost && !wishes_.standby_lost) wishes_.standby_lost = taken.standby_lost;
  wishes_.ask = wishes_.ask || taken.ask;
  speaking_ = true;
  later(again_, [this] {
    speaking_ = false;
    speak();
  });
  again_ = std::min(again_ * 2, again_longest);
}

void Client::show(const coordinator::TaskView& view) {
  if (phase_ != Phase::streaming || region_.plant() == Plant::wrong_instance) return;
  update(view);
}

void Client::watch() {
  if (phase_ != Phase::streaming) return;
  if (watch_) watch_->close();
  watch_ = region_.watch(index_, *task_);
  const std::uint64_t number = ++watches_;
  if (!watch_) return later(again_longest, [this] { watch(); });
  // Nothing comes for long where the line is cut: it is opened anew. A reset in between loses what is under way.
  const auto lasts = Duration::millis(static_cast<std::int64_t>(watch_patience.ns / 1'000'000 + static_cast<std::int64_t>(rng_.below(20'000))));
  later(lasts, [this, number] {
    if (watches_ == number) watch();
  });
}

}  // namespace proxima::sim

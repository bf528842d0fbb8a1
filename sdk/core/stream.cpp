#include "sdk/core/stream.hpp"

#include <algorithm>
#include <utility>

namespace proxima::stream {

namespace {

constexpr Duration ask_first = Duration::millis(250);
constexpr Duration ask_longest = Duration::seconds(2);
constexpr Duration unknown_again = Duration::millis(50);    // the agent may not have heard of the instance yet
constexpr Duration socket_full_again = Duration::millis(2);
constexpr Duration answer_least = Duration::seconds(2);     // contracts: no answer for max(4 × deadline, 2 s) is lost

std::string code_text(protocol::RefusalCode code) {
  switch (code) {
    case protocol::RefusalCode::version: return "no common protocol version";
    case protocol::RefusalCode::unknown_instance: return "the agent does not know the instance";
    case protocol::RefusalCode::stale_epoch: return "the instance runs under a higher epoch";
    case protocol::RefusalCode::not_ready: return "the instance is still starting";
    case protocol::RefusalCode::failed: return "the instance failed";
    case protocol::RefusalCode::too_large: return "the frame is too large";
    case protocol::RefusalCode::too_many: return "too many sessions or frames";
    case protocol::RefusalCode::bad_message: return "the agent could not read the message";
    case protocol::RefusalCode::ticket: return "the ticket is not accepted";
  }
  return "refused";
}

std::string reason_of(const protocol::Refused& message) {
  return message.reason.empty() ? code_text(message.code) : code_text(message.code) + ": " + message.reason;
}

}  // namespace

void Stream::handle(const Event& event, Instant now, Effects& out) {
  clock_.advance(now, expected_);
  Context at{now, out};
  std::visit([&](const auto& it) { on(it, at); }, event);
  settle(at);
}

void Stream::on_time(Instant now, Effects& out) {
  clock_.advance(now, expected_);
  Context at{now, out};
  settle(at);
}

// ---- what the caller does

void Stream::on(const FrameSubmitted& event, Context& at) {
  Instant deadline = Instant::never();
  Duration patience = options_.no_deadline_lost;
  if (options_.deadline) {
    deadline = event.at + *options_.deadline;
    patience = std::max(*options_.deadline * 4, answer_least);
  }
  if (!frames_.add(event, deadline, event.at + patience)) return;
  ++counters_.submitted;
  last_submitted_ = at.now;
  any_submitted_ = true;
  if (ended_) {
    FrameEnded ended;
    ended.sequence = event.sequence;
    ended.reason = "the stream has ended";
    end_frame(std::move(ended), at);
  }
}

void Stream::on(const CloseRequested&, Context& at) { end_stream("closed", at); }

void Stream::end_stream(const std::string& reason, Context& at) {
  if (ended_) return;
  ended_ = true;
  const auto leave = [&](Session& session) {
    if (session.state == SessionState::ready)
      at.out.push_back(SendMessage{session.id, protocol::Bye{session.grant.instance}});
    at.out.push_back(CloseSession{session.id});
  };
  if (serving_) leave(*serving_);
  if (standby_) leave(*standby_);
  for (const Session& old : retired_) at.out.push_back(CloseSession{old.id});
  serving_.reset();
  standby_.reset();
  retired_.clear();
  for (const std::uint64_t sequence : frames_.all()) {
    FrameEnded ended;
    ended.sequence = sequence;
    ended.reason = reason;
    end_frame(std::move(ended), at);
  }
  Note note;
  note.kind = NoteKind::ended;
  note.epoch = epoch_;
  note.reason = reason;
  at.out.push_back(std::move(note));
}

// ---- what the sockets tell

void Stream::on(const SendRefused& event, Context& at) {
  if (!serving_ || serving_->id != event.session) return;
  OpenFrame* frame = frames_.find(event.sequence);
  if (frame == nullptr || !frame->in_flight) return;
  counters_.sent_bytes -= frame->frame.bytes;
  frames_.mark_unsent(event.sequence);
  serving_->blocked_until = at.now + socket_full_again;
}

void Stream::on(const SessionConnected& event, Context& at) {
  Session* found = session(event.session);
  if (found == nullptr || (!is_serving(*found) && !is_standby(*found)) || found->state == SessionState::dead) return;
  found->state = SessionState::greeting;
  found->since = clock_.now();
  found->forget_pings();
  say_hello(*found, at);
}

void Stream::on(const SessionDisconnected& event, Context& at) {
  Session* found = session(event.session);
  if (found == nullptr) return;
  if (!is_serving(*found) && !is_standby(*found)) {  // an old one: nothing more will come
    found->close_at = at.now;
    return;
  }
  if (found->state == SessionState::dead) return;
  const bool was_ready = found->state == SessionState::ready;
  found->state = SessionState::connecting;
  found->since = clock_.now();
  found->hello_at = Instant::never();
  found->ping_at = Instant::never();
  found->forget_pings();
  if (was_ready) lose(*found, "the connection to " + found->grant.node_name + " broke", at);
}

void Stream::on(const SessionRefused&, Context&) {}  // the socket tries again; judge_greeting() ends it

void Stream::on(const MessageReceived& event, Context& at) {
  Session* found = session(event.session);
  if (found == nullptr) return;
  found->heard(event.message, at.now);
  std::visit([&](const auto& message) { on_message(*found, message, at); }, event.message);
}

void Stream::on_message(Session& session, const protocol::Welcome& message, Context& at) {
  if (message.instance != session.grant.instance || message.epoch != session.grant.epoch) return;
  if (session.state == SessionState::dead) return;
  session.credit = message.credit;
  if (session.state == SessionState::ready) return;
  session.state = SessionState::ready;
  session.welcomed = true;
  session.reported_lost = false;
  session.hello_at = Instant::never();
  session.ping_at = at.now;
  Note note;
  note.to = session.grant.node_name;
  note.epoch = session.grant.epoch;
  if (is_standby(session)) {
    note.kind = NoteKind::standby_ready;
    at.out.push_back(std::move(note));
  } else if (is_serving(session)) {
    const bool resumed = opened_;
    if (resumed && !serving_lost_) return;
    opened_ = true;
    serving_lost_ = false;
    note.kind = resumed ? NoteKind::resumed : NoteKind::opened;
    at.out.push_back(std::move(note));
  }
}

void Stream::on_message(Session& session, const protocol::Refused& message, Context& at) {
  if (message.sequence != 0) {
    OpenFrame* frame = is_serving(session) ? frames_.find(message.sequence) : nullptr;
    const bool about_frame = message.code == protocol::RefusalCode::too_large ||
                             message.code == protocol::RefusalCode::too_many ||
                             message.code == protocol::RefusalCode::bad_message;
    if (about_frame) {
      if (frame == nullptr || !frame->in_flight) return;
      FrameEnded ended;
      ended.sequence = message.sequence;
      ended.outcome = Outcome::failed;
      ended.node_name = session.grant.node_name;
      ended.epoch = session.grant.epoch;
      ended.reason = reason_of(message);
      end_frame(std::move(ended), at);
      return;
    }
  }
  if (!is_serving(session) && !is_standby(session)) return;
  switch (message.code) {
    case protocol::RefusalCode::not_ready:
      if (session.state == SessionState::ready) {
        session.since = clock_.now();
        session.state = SessionState::greeting;
        if (is_serving(session)) lose(session, reason_of(message), at);
      }
      session.hello_at = at.now + options_.hello_again;
      return;
    case protocol::RefusalCode::unknown_instance:
      if (!session.welcomed) {
        session.hello_at = at.now + unknown_again;
        return;
      }
      break;
    case protocol::RefusalCode::too_many:
    case protocol::RefusalCode::bad_message:
    case protocol::RefusalCode::too_large:
      session.hello_at = at.now + options_.hello_silent;
      return;
    case protocol::RefusalCode::version:
    case protocol::RefusalCode::stale_epoch:
    case protocol::RefusalCode::failed:
    case protocol::RefusalCode::ticket:
      break;
  }
  refuse_for_good(session, session.grant.node_name + " refuses: " + reason_of(message), at);
}

void Stream::on_message(Session& session, const protocol::ResultHeader& message, Context& at) {
  if (message.instance != session.grant.instance || message.epoch != session.grant.epoch || message.trial) return;
  session.credit = message.credit;
  if (session.grant.epoch < epoch_) {
    ++counters_.stale_refused;
    Note note;
    note.kind = NoteKind::stale_refused;
    note.from = session.grant.node_name;
    note.epoch = session.grant.epoch;
    note.sequence = message.sequence;
    at.out.push_back(std::move(note));
    return;
  }
  if (!is_serving(session)) return;  // a standby is given no frames: it has nothing to say
  OpenFrame* frame = frames_.find(message.sequence);
  if (frame == nullptr || frame->attempts == 0) {
    ++counters_.duplicates_swallowed;
    return;
  }
  answer(*frame, message, at);
}

void Stream::answer(OpenFrame& frame, const protocol::ResultHeader& header, Context& at) {
  FrameEnded ended;
  ended.sequence = header.sequence;
  ended.node_name = serving_->grant.node_name;
  ended.epoch = serving_->grant.epoch;
  ended.queued_us = header.queued_us;
  ended.executed_us = header.executed_us;
  ended.inside_us = header.inside_us;
  ended.reason = header.reason;
  switch (header.status) {
    case protocol::ResultStatus::failed: ended.outcome = Outcome::failed; break;
    case protocol::ResultStatus::dropped_late: ended.outcome = Outcome::dropped_late; break;
    case protocol::ResultStatus::ok:
      if (header.sequence < last_delivered_) {
        ended.outcome = Outcome::lost;
        ended.reason = "came after a later result";
        break;
      }
      last_delivered_ = header.sequence;
      ended.outcome = Outcome::ok;
      ended.late = frame.deadline < at.now;
      break;
  }
  end_frame(std::move(ended), at);
}

// ---- what the coordinator says

void Stream::on(const TaskUpdated& event, Context& at) {
  if (ended_) return;
  if (event.ended) {
    end_stream(event.reason.empty() ? "the task was stopped" : event.reason, at);
    return;
  }
  if (event.serving) {
    const Grant& grant = *event.serving;
    if (!serving_) {
      epoch_ = grant.epoch;
      serving_.emplace(open(grant, at));
    } else if (epoch_ < grant.epoch) {
      if (!standby_ || standby_->grant.epoch < grant.epoch) replace_standby(grant, at);
      if (standby_->grant.epoch == grant.epoch) move_asked_ = true;
    }
  }
  if (event.standby && serving_ && epoch_ < event.standby->epoch && !move_asked_) {
    if (!standby_ || standby_->grant.epoch < event.standby->epoch) replace_standby(*event.standby, at);
  }
}

Session Stream::open(const Grant& grant, Context& at) {
  Session fresh(SessionId{next_session_++}, grant, clock_.now());
  at.out.push_back(OpenSession{fresh.id, grant.endpoint});
  return fresh;
}

void Stream::replace_standby(const Grant& grant, Context& at) {
  if (standby_) at.out.push_back(CloseSession{standby_->id});
  standby_.reset();
  standby_.emplace(open(grant, at));
}

// ---- losing and following

Session* Stream::session(SessionId id) {
  if (serving_ && serving_->id == id) return &*serving_;
  if (standby_ && standby_->id == id) return &*standby_;
  for (Session& old : retired_)
    if (old.id == id) return &old;
  return nullptr;
}

void Stream::say_hello(Session& session, Context& at) {
  protocol::Hello hello;
  hello.instance = session.grant.instance;
  hello.epoch = session.grant.epoch;
  hello.ticket = session.grant.ticket;
  at.out.push_back(SendMessage{session.id, std::move(hello)});
  session.hello_at = at.now + options_.hello_silent;
}

void Stream::refuse_for_good(Session& session, const std::string& reason, Context& at) {
  session.state = SessionState::dead;
  session.hello_at = Instant::never();
  session.ping_at = Instant::never();
  session.forget_pings();
  lose(session, reason, at);
}

void Stream::lose(Session& session, const std::string& reason, Context& at) {
  if (is_serving(session)) {
    lose_serving(reason, at);
  } else {
    lose_standby(reason, at);
  }
}

// Frames in flight wait for whoever is ready first: the standby, or the same instance once it answers again.
void Stream::lose_serving(const std::string& reason, Context& at) {
  if (serving_lost_) return;
  serving_lost_ = true;
  lost_reason_ = reason;
  frames_.recall();
  if (standby_ready()) return;  // settle() follows it at once
  ask_at_ = at.now;
  ask_pause_ = ask_first;
  Note note;
  note.kind = NoteKind::interrupted;
  note.from = serving_->grant.node_name;
  note.epoch = epoch_;
  note.reason = reason;
  at.out.push_back(std::move(note));
}

// It is kept and tried further unless it refused: where no coordinator answers it may still come back.
void Stream::lose_standby(const std::string& reason, Context& at) {
  if (!standby_->reported_lost) {
    standby_->reported_lost = true;
    at.out.push_back(ReportStandbyLost{standby_->grant.epoch});
    Note note;
    note.kind = NoteKind::standby_lost;
    note.from = standby_->grant.node_name;
    note.epoch = standby_->grant.epoch;
    note.reason = reason;
    at.out.push_back(std::move(note));
  }
  if (standby_->state != SessionState::dead) return;
  at.out.push_back(CloseSession{standby_->id});
  standby_.reset();
  move_asked_ = false;
}

void Stream::switch_to_standby(const std::string& reason, bool asked, Context& at) {
  Session old = std::move(*serving_);
  frames_.recall();
  serving_.reset();
  serving_.emplace(std::move(*standby_));
  standby_.reset();
  epoch_ = serving_->grant.epoch;
  serving_lost_ = false;
  move_asked_ = false;
  opened_ = true;
  Note note;
  note.kind = asked ? NoteKind::move : NoteKind::takeover;
  note.from = old.grant.node_name;
  note.to = serving_->grant.node_name;
  note.epoch = epoch_;
  note.resent = frames_.to_resend();
  note.reason = reason;
  if (asked) {
    ++counters_.moves;
  } else {
    ++counters_.takeovers;
  }
  pump(at);  // the frames first: nothing else is as urgent
  at.out.push_back(std::move(note));
  if (asked) {
    at.out.push_back(AskTask{});
  } else {
    at.out.push_back(ReportTakeover{epoch_, reason});
  }
  retire(std::move(old), at);
}

// An old session stays open for a while where it still has a connection: what it sends is refused and counted.
void Stream::retire(Session old, Context& at) {
  if (old.state == SessionState::connecting || retired_.size() >= retired_limit) {
    at.out.push_back(CloseSession{old.id});
    return;
  }
  old.hello_at = Instant::never();
  old.ping_at = Instant::never();
  old.close_at = at.now + options_.keep_old;
  retired_.push_back(std::move(old));
}

// ---- what follows from the state, after every event

void Stream::settle(Context& at) {
  if (!ended_) {
    judge_greeting(at);
    if (serving_) run_session(*serving_, pace_of(*serving_, at.now), at);
    if (standby_) run_session(*standby_, pace_of(*standby_, at.now), at);
    if (serving_ && standby_ready() && (serving_lost_ || move_asked_)) {
      const bool asked = !serving_lost_;
      switch_to_standby(asked ? "the coordinator moved the stream" : lost_reason_, asked, at);
    }
    close_retired(at);
    if (serving_lost_ && ask_at_ <= at.now) {
      at.out.push_back(AskTask{});
      ask_at_ = at.now + ask_pause_;
      ask_pause_ = std::min(ask_pause_ * 2, ask_longest);
    }
    expire_frames(at);
    pump(at);
  }
  expected_ = compute_deadline(at.now);
}

void Stream::run_session(Session& session, const PingPace& pace, Context& at) {
  if (session.state == SessionState::greeting && session.hello_at <= at.now) say_hello(session, at);
  if (session.state != SessionState::ready) return;
  if (session.ping_at > at.now + pace.interval) session.ping_at = at.now;  // the pace has quickened
  if (session.ping_at <= at.now) {
    session.ping_sent(next_token_, at.now, clock_.now());
    at.out.push_back(SendMessage{session.id, protocol::Ping{next_token_++}});
    session.ping_at = at.now + pace.interval;
  }
  judge_silence(session, pace, at);
}

void Stream::judge_silence(Session& session, const PingPace& pace, Context& at) {
  const auto left = session.patience_left(clock_.now(), pace, is_serving(session) ? frames_.in_flight() : 0);
  if (!left || left->ns > 0 || clock_.now() < clock_.judge_from()) return;
  session.state = SessionState::greeting;
  session.since = clock_.now();
  session.hello_at = at.now;
  session.forget_pings();
  lose(session, session.grant.node_name + " is silent", at);
}

void Stream::judge_greeting(Context& at) {
  if (serving_ && !serving_lost_ && serving_->state != SessionState::ready) {
    const Duration limit = standby_ready() ? options_.serving_greet_limit : options_.greet_limit;
    if (clock_.now() - serving_->since >= limit) lose_serving(serving_->grant.node_name + " did not get ready", at);
  }
  if (standby_ && !standby_->reported_lost && standby_->state != SessionState::ready) {
    const bool connecting = standby_->state == SessionState::connecting;
    const Duration limit = connecting ? options_.connect_limit : options_.greet_limit;
    if (clock_.now() - standby_->since >= limit)
      lose_standby(standby_->grant.node_name + (connecting ? " cannot be reached" : " did not get ready"), at);
  }
}

void Stream::close_retired(Context& at) {
  for (auto old = retired_.begin(); old != retired_.end();) {
    if (old->close_at > at.now) {
      ++old;
      continue;
    }
    at.out.push_back(CloseSession{old->id});
    old = retired_.erase(old);
  }
}

void Stream::expire_frames(Context& at) {
  for (const std::uint64_t sequence : frames_.overdue(at.now)) {
    FrameEnded ended;
    ended.sequence = sequence;
    ended.outcome = Outcome::dropped_late;
    ended.reason = "its deadline passed before it could be sent";
    end_frame(std::move(ended), at);
  }
  for (const std::uint64_t sequence : frames_.given_up(at.now)) {
    FrameEnded ended;
    ended.sequence = sequence;
    ended.outcome = Outcome::lost;
    ended.reason = "no answer";
    end_frame(std::move(ended), at);
  }
}

void Stream::pump(Context& at) {
  if (!serving_ready() || serving_lost_ || serving_->blocked_until > at.now) return;
  while (frames_.in_flight() < serving_->credit) {
    OpenFrame* frame = frames_.next_waiting();
    if (frame == nullptr) return;
    send_frame(*frame, at);
  }
}

void Stream::send_frame(OpenFrame& open_frame, Context& at) {
  const FrameSubmitted& given = open_frame.frame;
  protocol::Frame frame;
  frame.instance = serving_->grant.instance;
  frame.epoch = serving_->grant.epoch;
  frame.sequence = given.sequence;
  frame.resend = open_frame.resend;
  frame.format = given.format;
  frame.width = given.width;
  frame.height = given.height;
  if (!open_frame.deadline.is_never()) {
    const std::int64_t left_us = std::max<std::int64_t>((open_frame.deadline - at.now).ns / 1000, 1);
    frame.deadline_left_us = static_cast<std::uint32_t>(std::min<std::int64_t>(left_us, UINT32_MAX));
  }
  frames_.mark_sent(open_frame);
  counters_.sent_bytes += given.bytes;
  at.out.push_back(SendMessage{serving_->id, std::move(frame)});
}

void Stream::end_frame(FrameEnded ended, Context& at) {
  OpenFrame* frame = frames_.find(ended.sequence);
  if (frame == nullptr) return;
  ended.submitted_at = frame->frame.at;
  ended.attempts = frame->attempts;
  switch (ended.outcome) {
    case Outcome::ok:
      ++counters_.ok;
      if (ended.late) ++counters_.late;
      break;
    case Outcome::failed: ++counters_.failed; break;
    case Outcome::dropped_late: ++counters_.dropped_late; break;
    case Outcome::lost: ++counters_.lost; break;
  }
  frames_.erase(ended.sequence);
  at.out.push_back(std::move(ended));
}

// ---- time

bool Stream::frames_expected(Instant now) const {
  return !frames_.empty() || (any_submitted_ && now - last_submitted_ < options_.idle_after);
}

const PingPace& Stream::pace_of(const Session& session, Instant now) const {
  return is_serving(session) && frames_expected(now) ? options_.serving_pace : options_.idle_pace;
}

Instant Stream::session_deadline(const Session& session, Instant now) const {
  Instant next = session.state == SessionState::greeting ? session.hello_at : Instant::never();
  if (session.state != SessionState::ready) return next;
  const PingPace& pace = pace_of(session, now);
  next = std::min(next, session.ping_at);
  const auto left = session.patience_left(clock_.now(), pace, is_serving(session) ? frames_.in_flight() : 0);
  if (left) next = std::min(next, now + std::max(*left, clock_.judge_from() - clock_.now()));
  return next;
}

Instant Stream::compute_deadline(Instant now) const {
  if (ended_) return Instant::never();
  Instant next = frames_.next_deadline();
  for (const auto* held : {&serving_, &standby_}) {
    if (!*held) continue;
    const Session& session = **held;
    next = std::min(next, session_deadline(session, now));
    if (session.state == SessionState::ready || session.state == SessionState::dead) continue;
    const bool judged = is_serving(session) ? serving_lost_ : session.reported_lost;
    if (judged) continue;
    const bool connecting = session.state == SessionState::connecting;
    Duration limit = is_serving(session) || !connecting ? options_.greet_limit : options_.connect_limit;
    if (is_serving(session) && standby_ready()) limit = options_.serving_greet_limit;
    next = std::min(next, now + (session.since + limit - clock_.now()));
  }
  for (const Session& old : retired_) next = std::min(next, old.close_at);
  if (serving_lost_) next = std::min(next, ask_at_);
  if (serving_ && frames_.size() > frames_.in_flight() && serving_->blocked_until > now)
    next = std::min(next, serving_->blocked_until);
  return std::max(next, now + Duration::micros(100));
}

std::uint64_t Stream::digest() const {
  Fingerprint sum;
  clock_.fold(sum);
  frames_.fold(sum);
  if (serving_) serving_->fold(sum);
  if (standby_) standby_->fold(sum);
  for (const Session& old : retired_) old.fold(sum);
  sum.add(epoch_.value);
  for (const bool flag : {opened_, serving_lost_, move_asked_, ended_, any_submitted_}) sum.add(flag);
  sum.add(last_delivered_);
  sum.add(last_submitted_.ns);
  sum.add(ask_at_.ns);
  sum.add(ask_pause_.ns);
  sum.add(next_session_);
  sum.add(next_token_);
  for (const std::uint64_t count : {counters_.submitted, counters_.ok, counters_.late, counters_.failed,
                                    counters_.dropped_late, counters_.lost, counters_.duplicates_swallowed,
                                    counters_.stale_refused, counters_.takeovers, counters_.moves,
                                    counters_.sent_bytes})
    sum.add(count);
  return sum.value();
}

}  // namespace proxima::stream

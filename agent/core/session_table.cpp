#include "agent/core/session_table.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

using protocol::RefusalCode;
using protocol::Refused;

std::uint32_t micros(Duration span) {
  const std::int64_t us = std::clamp<std::int64_t>(span.ns / 1000, 0, std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(us);
}

Refused refused(RefusalCode code, const InstanceKey& key, std::uint64_t sequence, std::string reason) {
  if (reason.size() > limits::text_bytes) reason.resize(limits::text_bytes);
  return {code, key.instance, key.epoch, sequence, std::move(reason)};
}

protocol::ResultHeader result_of(const protocol::Frame& frame, protocol::ResultStatus status) {
  protocol::ResultHeader header;
  header.instance = frame.instance;
  header.epoch = frame.epoch;
  header.sequence = frame.sequence;
  header.status = status;
  header.trial = frame.trial;
  header.credit = limits::frames_queued_per_instance;
  return header;
}

bool shape_fits(const protocol::InputSpec& input, const protocol::Frame& frame, std::uint32_t bytes) {
  if (frame.format != input.format) return false;
  if (frame.format != protocol::FrameFormat::grey8) return true;
  return bytes > 0 && std::uint64_t{frame.width} * frame.height == bytes;
}

}  // namespace

std::optional<Refused> refusal_for(InstanceId instance, Epoch asked, const Standing& standing) {
  const InstanceKey key{instance, standing.epoch};
  if (standing.kind == Standing::Kind::unknown)
    return refused(RefusalCode::unknown_instance, key, 0, "no such instance on this node");
  if (asked < standing.epoch)
    return refused(RefusalCode::stale_epoch, key, 0, "the instance runs under epoch " + std::to_string(standing.epoch.value));
  if (asked > standing.epoch)
    return refused(RefusalCode::not_ready, key, 0, "this epoch has not reached the node yet");
  if (standing.kind == Standing::Kind::coming) return refused(RefusalCode::not_ready, key, 0, "the instance is starting");
  if (standing.kind == Standing::Kind::failed) return refused(RefusalCode::failed, key, 0, standing.reason);
  return std::nullopt;
}

void SessionTable::open_lane(const InstanceKey& key, const protocol::InputSpec& input) {
  Lane& lane = lanes_[key];
  lane.input = input;
}

bool SessionTable::drain_lane(const InstanceKey& key, const std::string& reason, Effects& out) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end()) return false;
  Lane& lane = found->second;
  lane.draining = true;
  const Refused why = refused(RefusalCode::unknown_instance, key, 0, reason);
  for (auto at = lane.sessions.begin(); at != lane.sessions.end();) {
    forget_queue(at->second, out);
    if (lane.hand && lane.hand->peer == at->first) {
      ++at;  // hears it after its result
      continue;
    }
    end_session(key, at->first, at->second, why, out);
    at = lane.sessions.erase(at);
  }
  return lane.hand.has_value();
}

void SessionTable::close_lane(const WorkerGone& gone, RefusalCode code, Instant now, Effects& out) {
  const auto found = lanes_.find(gone.key);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  if (lane.hand && gone.by_task && gone.culprit == lane.hand->waiting.token) {
    protocol::ResultHeader header = result_of(lane.hand->waiting.frame, protocol::ResultStatus::failed);
    header.queued_us = micros(lane.hand->handed - lane.hand->waiting.received);
    header.executed_us = micros(now - lane.hand->handed);
    header.inside_us = micros(now - lane.hand->waiting.received);
    header.credit = 0;
    header.reason = gone.reason.substr(0, limits::text_bytes);
    ++counts_.failed;
    out.emplace_back(SendToClient{lane.hand->peer, header});
  }
  const Refused why = refused(code, gone.key, 0, gone.reason);
  for (auto& [peer, session] : lane.sessions) end_session(gone.key, peer, session, why, out);
  lanes_.erase(found);
}

void SessionTable::hello(const PeerId& peer, const protocol::Hello& hello, const Standing& standing, Instant now, Effects& out) {
  const InstanceKey key{hello.instance, hello.epoch};
  if (hello.version != protocol::data_plane_version)
    return refuse(peer, refused(RefusalCode::version, key, 0, "speaks version " + std::to_string(protocol::data_plane_version)), out);
  if (auto no = refusal_for(hello.instance, hello.epoch, standing)) return refuse(peer, std::move(*no), out);
  const auto found = lanes_.find(key);
  if (found == lanes_.end() || found->second.draining)
    return refuse(peer, refused(RefusalCode::not_ready, key, 0, "the instance is starting"), out);
  Lane& lane = found->second;
  if (!lane.sessions.contains(peer) && !make_room(lane, now, out))
    return refuse(peer, refused(RefusalCode::too_many, key, 0, "as many sessions as the node takes are open"), out);
  lane.sessions[peer].last_heard = now;
  protocol::Welcome welcome;
  welcome.instance = key.instance;
  welcome.epoch = key.epoch;
  welcome.credit = limits::frames_queued_per_instance;
  welcome.max_frame_bytes = std::min<std::uint32_t>(lane.input.max_bytes, limits::frame_bytes);
  out.emplace_back(SendToClient{peer, welcome});
}

// A connection that broke is not told to a ROUTER: its session is found out by silence when its place is needed.
bool SessionTable::make_room(Lane& lane, Instant now, Effects& out) {
  const auto evict = [&](Lane& from) {
    const auto oldest = std::min_element(from.sessions.begin(), from.sessions.end(), [](const auto& a, const auto& b) {
      return a.second.last_heard < b.second.last_heard;
    });
    if (oldest == from.sessions.end() || now - oldest->second.last_heard < session_silence) return false;
    forget_queue(oldest->second, out);
    from.sessions.erase(oldest);
    return true;
  };
  if (lane.sessions.size() >= sessions_per_instance && !evict(lane)) return false;
  if (sessions() < limits::sessions_per_agent) return true;
  return std::any_of(lanes_.begin(), lanes_.end(), [&](auto& entry) { return evict(entry.second); });
}

std::optional<Refused> SessionTable::unfit(const Lane& lane, std::size_t under_way, const protocol::Frame& frame,
                                           std::uint32_t bytes) const {
  const InstanceKey key{frame.instance, frame.epoch};
  const std::uint64_t n = frame.sequence;
  if (n == 0) return refused(RefusalCode::bad_message, key, n, "frames are numbered from 1");
  if (frame.key_id != 0) return refused(RefusalCode::bad_message, key, n, "the frame is sealed; this node has no key");
  if (bytes > lane.input.max_bytes)
    return refused(RefusalCode::too_large, key, n,
                   std::to_string(bytes) + " bytes; the task takes " + std::to_string(lane.input.max_bytes));
  if (!shape_fits(lane.input, frame, bytes))
    return refused(RefusalCode::bad_message, key, n, "the frame's format or size is not what the task takes");
  if (under_way >= limits::frames_queued_per_instance)
    return refused(RefusalCode::too_many, key, n, "more frames than there is credit for");
  if (waiting_bytes_ + bytes > waiting_bytes_max)
    return refused(RefusalCode::too_many, key, n, "as many bytes as the node holds are waiting");
  return std::nullopt;
}

void SessionTable::frame(const PeerId& peer, FrameToken token, const protocol::Frame& frame, std::uint32_t bytes,
                         const Standing& standing, Instant now, Effects& out) {
  const InstanceKey key{frame.instance, frame.epoch};
  if (auto no = refusal_for(frame.instance, frame.epoch, standing)) {
    no->sequence = frame.sequence;
    return refuse(peer, std::move(*no), out);
  }
  const auto found = lanes_.find(key);
  const bool open = found != lanes_.end() && !found->second.draining;
  if (!open || !found->second.sessions.contains(peer))
    return refuse(peer, refused(RefusalCode::not_ready, key, frame.sequence, "no session: say hello first"), out);
  Lane& lane = found->second;
  Session& session = lane.sessions[peer];
  session.last_heard = now;
  const std::size_t running = lane.hand && lane.hand->peer == peer ? 1 : 0;
  if (auto no = unfit(lane, session.queue.size() + running, frame, bytes)) return refuse(peer, std::move(*no), out);
  Waiting waiting{token, frame, bytes, now, Instant::never()};
  if (frame.deadline_left_us != 0 && !frame.resend) waiting.deadline = now + Duration::micros(frame.deadline_left_us);
  session.queue.push_back(std::move(waiting));
  waiting_bytes_ += bytes;
  pump(key, lane, now, out);
  if (!session.queue.empty() && session.queue.back().token == token) out.emplace_back(KeepPayload{token});
}

// Sessions take turns in the order of their names, beginning behind the one that was last served.
void SessionTable::pump(const InstanceKey& key, Lane& lane, Instant now, Effects& out) {
  while (!lane.hand && !lane.draining) {
    const auto has_frame = [](const auto& entry) { return !entry.second.queue.empty(); };
    auto turn = std::find_if(lane.sessions.upper_bound(lane.last_turn), lane.sessions.end(), has_frame);
    if (turn == lane.sessions.end()) turn = std::find_if(lane.sessions.begin(), lane.sessions.end(), has_frame);
    if (turn == lane.sessions.end()) return;
    lane.last_turn = turn->first;
    Waiting waiting = std::move(turn->second.queue.front());
    turn->second.queue.pop_front();
    waiting_bytes_ -= waiting.bytes;
    if (waiting.deadline < now) {
      drop_late(turn->first, waiting, now, out);
      continue;
    }
    protocol::InputSpec shape = lane.input;
    shape.width = waiting.frame.width;
    shape.height = waiting.frame.height;
    out.emplace_back(HandOver{key, waiting.token, shape});
    lane.hand = InHand{turn->first, std::move(waiting), now};
  }
}

void SessionTable::drop_late(const PeerId& peer, const Waiting& waiting, Instant now, Effects& out) {
  protocol::ResultHeader header = result_of(waiting.frame, protocol::ResultStatus::dropped_late);
  header.queued_us = micros(now - waiting.received);
  header.inside_us = header.queued_us;
  if (!waiting.frame.trial) ++counts_.dropped_late;
  out.emplace_back(DropPayload{waiting.token});
  out.emplace_back(SendToClient{peer, header});
}

bool SessionTable::done(const FrameDone& event, Instant now, Effects& out) {
  const auto found = lanes_.find(event.key);
  if (found == lanes_.end() || !found->second.hand || found->second.hand->waiting.token != event.token) return false;
  Lane& lane = found->second;
  const InHand hand = std::move(*lane.hand);
  lane.hand.reset();
  using protocol::ResultStatus;
  protocol::ResultHeader header = result_of(hand.waiting.frame, event.ok ? ResultStatus::ok : ResultStatus::failed);
  header.queued_us = micros(hand.handed - hand.waiting.received);
  header.executed_us = event.executed_us;
  header.inside_us = micros(now - hand.waiting.received);
  if (!event.ok) header.reason = "the task returned " + std::to_string(event.code);
  counts_.cpu_us += event.cpu_us;
  if (!hand.waiting.frame.trial) {
    ++(event.ok ? counts_.executed : counts_.failed);
    lane.figures.add(header.executed_us, header.queued_us);
  }
  out.emplace_back(SendToClient{hand.peer, header, event.ok});
  if (!lane.draining) {
    pump(event.key, lane, now, out);
    return true;
  }
  const Refused why = refused(RefusalCode::unknown_instance, event.key, 0, "the instance was stopped");
  for (auto& [peer, session] : lane.sessions) end_session(event.key, peer, session, why, out);
  lane.sessions.clear();
  return true;
}

void SessionTable::bye(const PeerId& peer, InstanceId instance, Effects& out) {
  for (auto at = lanes_.lower_bound({instance, Epoch{}}); at != lanes_.end() && at->first.instance == instance; ++at) {
    const auto session = at->second.sessions.find(peer);
    if (session == at->second.sessions.end()) continue;
    forget_queue(session->second, out);
    at->second.sessions.erase(session);
  }
}

void SessionTable::heard(const PeerId& peer, Instant now) {
  for (auto& [key, lane] : lanes_) {
    const auto session = lane.sessions.find(peer);
    if (session != lane.sessions.end()) session->second.last_heard = now;
  }
}

void SessionTable::unreachable(const PeerId& peer, Effects& out) {
  for (auto& [key, lane] : lanes_) {
    const auto session = lane.sessions.find(peer);
    if (session == lane.sessions.end()) continue;
    forget_queue(session->second, out);
    lane.sessions.erase(session);
    ++counts_.sessions_lost;
  }
}

void SessionTable::refuse(const PeerId& peer, Refused refused_message, Effects& out) {
  ++counts_.refused;
  out.emplace_back(SendToClient{peer, std::move(refused_message)});
}

void SessionTable::forget_queue(Session& session, Effects& out) {
  for (const Waiting& waiting : session.queue) {
    waiting_bytes_ -= waiting.bytes;
    out.emplace_back(DropPayload{waiting.token});
  }
  session.queue.clear();
}

void SessionTable::end_session(const InstanceKey& key, const PeerId& peer, Session& session, const Refused& why, Effects& out) {
  forget_queue(session, out);
  Refused message = why;
  message.instance = key.instance;
  refuse(peer, std::move(message), out);
}

const Figures* SessionTable::figures(const InstanceKey& key) const {
  const auto found = lanes_.find(key);
  return found == lanes_.end() ? nullptr : &found->second.figures;
}

std::size_t SessionTable::sessions() const {
  std::size_t count = 0;
  for (const auto& [key, lane] : lanes_) count += lane.sessions.size();
  return count;
}

std::size_t SessionTable::waiting(const InstanceKey& key) const {
  const auto found = lanes_.find(key);
  if (found == lanes_.end()) return 0;
  std::size_t count = 0;
  for (const auto& [peer, session] : found->second.sessions) count += session.queue.size();
  return count;
}

bool SessionTable::in_hand(const InstanceKey& key) const {
  const auto found = lanes_.find(key);
  return found != lanes_.end() && found->second.hand.has_value();
}

void SessionTable::fingerprint(Fingerprint& into) const {
  for (const auto& [key, lane] : lanes_) {
    into.add(key.instance.value);
    into.add(key.epoch.value);
    into.add(lane.draining);
    into.add(lane.hand ? lane.hand->waiting.token.value : std::uint64_t{0});
    lane.figures.fingerprint(into);
    for (const auto& [peer, session] : lane.sessions) {
      into.add(std::string_view(peer.bytes));
      into.add(session.last_heard.ns);
      for (const Waiting& waiting : session.queue) into.add(waiting.token.value);
    }
  }
  into.add(waiting_bytes_);
  into.add(counts_.executed);
  into.add(counts_.failed);
  into.add(counts_.dropped_late);
  into.add(counts_.refused);
}

}  // namespace proxima::agent

#include "tests/unit/stream/rig.hpp"

#include <algorithm>

namespace proxima::stream {

namespace {

StreamOptions options_with(std::optional<double> deadline_ms) {
  StreamOptions options;
  if (deadline_ms) options.deadline = Duration::from_ms(*deadline_ms);
  return options;
}

}  // namespace

Grant grant(const std::string& node, std::uint32_t epoch) {
  Grant out;
  out.node_name = node;
  out.instance = InstanceId{100 + epoch};
  out.epoch = Epoch{epoch};
  out.endpoint = "127.0.0.1:" + std::to_string(4000 + epoch);
  return out;
}

Rig::Rig(std::optional<double> deadline_ms) : core(options_with(deadline_ms)) {}

void Rig::open(std::uint32_t credit) {
  handle(TaskUpdated{grant("near", serving_epoch), grant("far", standby_epoch), false, ""});
  handle(SessionConnected{SessionId{1}});
  handle(SessionConnected{SessionId{2}});
  welcome(1, serving_epoch, credit);
  welcome(2, standby_epoch, credit);
  clear();
}

void Rig::handle(const Event& event) { core.handle(event, now, effects); }

void Rig::submit(std::uint64_t sequence, std::uint32_t bytes) {
  FrameSubmitted frame;
  frame.sequence = sequence;
  frame.bytes = bytes;
  frame.at = now;
  handle(frame);
}

void Rig::receive(std::uint32_t session, const protocol::AgentMessage& message) {
  handle(MessageReceived{SessionId{session}, message});
}

void Rig::welcome(std::uint32_t session, std::uint32_t epoch, std::uint32_t credit) {
  protocol::Welcome message;
  message.instance = InstanceId{100 + epoch};
  message.epoch = Epoch{epoch};
  message.credit = credit;
  receive(session, message);
}

void Rig::result(std::uint32_t session, std::uint32_t epoch, std::uint64_t sequence, protocol::ResultStatus status) {
  protocol::ResultHeader message;
  message.instance = InstanceId{100 + epoch};
  message.epoch = Epoch{epoch};
  message.sequence = sequence;
  message.status = status;
  message.credit = 4;
  receive(session, message);
}

void Rig::refuse(std::uint32_t session, protocol::RefusalCode code, std::uint64_t sequence) {
  protocol::Refused message;
  message.code = code;
  message.sequence = sequence;
  receive(session, message);
}

void Rig::pass(double ms) { pass_answering(ms, {}); }

void Rig::pass_answering(double ms, const std::vector<std::uint32_t>& sessions) {
  const Instant end = now + Duration::from_ms(ms);
  while (core.next_deadline() <= end) {
    now = std::max(now, core.next_deadline());
    const std::size_t from = effects.size();
    core.on_time(now, effects);
    answer_pings(from, sessions);
  }
  now = end;
}

void Rig::answer_pings(std::size_t from, const std::vector<std::uint32_t>& sessions) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> pings;
  for (std::size_t i = from; i < effects.size(); ++i) {
    const auto* sent = std::get_if<SendMessage>(&effects[i]);
    const auto* ping = sent == nullptr ? nullptr : std::get_if<protocol::Ping>(&sent->message);
    if (ping != nullptr && std::find(sessions.begin(), sessions.end(), sent->session.value) != sessions.end())
      pings.emplace_back(sent->session.value, ping->token);
  }
  for (const auto& [session, token] : pings) receive(session, protocol::Pong{token});
}

void Rig::stall(double ms) { now = now + Duration::from_ms(ms); }

std::vector<std::pair<std::uint32_t, protocol::Frame>> Rig::frames() const {
  std::vector<std::pair<std::uint32_t, protocol::Frame>> out;
  for (const SendMessage& sent : all<SendMessage>())
    if (const auto* frame = std::get_if<protocol::Frame>(&sent.message)) out.emplace_back(sent.session.value, *frame);
  return out;
}

std::vector<Note> Rig::notes(NoteKind kind) const {
  std::vector<Note> out;
  for (const Note& note : all<Note>())
    if (note.kind == kind) out.push_back(note);
  return out;
}

}  // namespace proxima::stream

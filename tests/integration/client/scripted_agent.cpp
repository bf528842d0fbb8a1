#include "tests/integration/client/scripted_agent.hpp"

#include <stdexcept>
#include <utility>

#include "common/protocol/codec.hpp"

namespace proxima::client {

ScriptedAgent::ScriptedAgent(io::Loop& loop, io::ZmqContext& context, std::uint32_t epoch)
    : epoch_{epoch}, instance_{100 + epoch} {
  auto router = io::RouterSocket::bind(loop, context, "127.0.0.1:0", {},
                                       [this](std::string_view peer, io::Parts parts) { received(peer, parts); });
  if (!router) throw std::runtime_error(router.error().text());
  router_ = std::move(*router);
  auto echo = io::UdpSocket::bind(loop, *io::Address::parse("127.0.0.1:0"), [this](const io::Address& from, io::View bytes) {
    auto asked = protocol::decode_echo(bytes);
    if (!asked || !echo_answers(echoes++)) return;
    asked->reply = true;
    echo_->send(from, protocol::encode(*asked));
  });
  if (!echo) throw std::runtime_error(echo.error().text());
  echo_ = std::move(*echo);
}

GrantInfo ScriptedAgent::grant(const std::string& name) const {
  GrantInfo out;
  out.name = name;
  out.instance = instance_;
  out.epoch = epoch_;
  out.frames = router_->endpoint();
  return out;
}

void ScriptedAgent::received(std::string_view peer, io::Parts parts) {
  const auto message = protocol::decode_client_message(parts[0]);
  if (!message) return;
  if (std::holds_alternative<protocol::Hello>(*message)) {
    ++hellos;
    if (not_ready > 0) {
      --not_ready;
      protocol::Refused refused;
      refused.code = protocol::RefusalCode::not_ready;
      refused.instance = instance_;
      return answer(peer, refused);
    }
    protocol::Welcome welcome;
    welcome.instance = instance_;
    welcome.epoch = epoch_;
    welcome.credit = 4;
    welcome.max_frame_bytes = 1U << 20U;
    answer(peer, welcome);
  } else if (const auto* frame = std::get_if<protocol::Frame>(&*message)) {
    frames.push_back(*frame);
    protocol::ResultHeader result;
    result.instance = instance_;
    result.epoch = frame->epoch;
    result.sequence = frame->sequence;
    result.trial = frame->trial;
    result.executed_us = execute_us;
    result.credit = 4;
    if (!failure.empty()) {
      result.status = protocol::ResultStatus::failed;
      result.reason = failure;
      return answer(peer, result);
    }
    answer(peer, result, std::vector<std::uint8_t>(parts[1].begin(), parts[1].end()));
  } else if (const auto* ping = std::get_if<protocol::Ping>(&*message)) {
    answer(peer, protocol::Pong{ping->token});
  } else if (const auto* transfer = std::get_if<protocol::Transfer>(&*message)) {
    const auto bytes = static_cast<std::uint32_t>(parts[1].size());
    transfers.push_back(bytes);
    answer(peer, protocol::TransferDone{transfer->token, bytes, 10});
  }
}

void ScriptedAgent::answer(std::string_view peer, const protocol::AgentMessage& message,
                           std::vector<std::uint8_t> payload) {
  held_.push_back({std::string(peer), protocol::encode(message), std::move(payload)});
  if (!silent) speak();
}

void ScriptedAgent::speak() {
  for (const Held& one : std::exchange(held_, {})) send(one);
}

void ScriptedAgent::send(const Held& one) {
  if (one.payload.empty()) {
    router_->send(one.peer, one.header);
  } else {
    router_->send(one.peer, one.header, one.payload);
  }
}

}  // namespace proxima::client

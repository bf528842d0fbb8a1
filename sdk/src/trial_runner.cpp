#include "sdk/src/trial_runner.hpp"

#include <utility>

#include "common/protocol/codec.hpp"

namespace proxima::client {

namespace {
constexpr Duration hello_again = Duration::millis(50);
}

TrialRunner::TrialRunner(io::Loop& loop, io::ZmqContext& context, GrantInfo grant, const FrameView& frame,
                         const TrialPlan& plan, OnDone on_done)
    : grant_(std::move(grant)),
      frame_(frame),
      plan_(plan),
      on_done_(std::move(on_done)),
      deadline_(loop, [this] { finish(false, "timed out: " + waiting_for_); }),
      again_(loop, [this] { hello(); }),
      waiting_for_("no connection") {
  trial_.instance = grant_.instance;
  trial_.epoch = grant_.epoch;
  auto socket = io::DealerSocket::connect(loop, context, grant_.frames, {},
                                          {.on_message = [this](io::Parts parts) { received(parts); },
                                           .on_event =
                                               [this](io::DealerEvent event) {
                                                 if (event == io::DealerEvent::connected) hello();
                                                 if (event == io::DealerEvent::disconnected && welcomed_)
                                                   finish(false, "the connection broke");
                                               }});
  if (socket) socket_ = std::move(*socket);
  deadline_.once_in(socket_ != nullptr ? plan_.ready_patience : Duration{});
}

void TrialRunner::hello() {
  if (finished_ || welcomed_) return;
  waiting_for_ = "no welcome";
  protocol::Hello message;
  message.instance = grant_.instance;
  message.epoch = grant_.epoch;
  message.ticket = grant_.ticket;
  socket_->send(protocol::encode(protocol::ClientMessage{std::move(message)}));
  again_.once_in(Duration::millis(500));  // in case nobody answers at all
}

void TrialRunner::run() {
  protocol::Frame message;
  message.instance = grant_.instance;
  message.epoch = grant_.epoch;
  message.sequence = ++sequence_;
  message.trial = true;
  message.format = static_cast<protocol::FrameFormat>(frame_.format);
  message.width = frame_.width;
  message.height = frame_.height;
  waiting_for_ = "no result";
  deadline_.once_in(plan_.run_patience);
  const protocol::Bytes header = protocol::encode(protocol::ClientMessage{std::move(message)});
  if (socket_->send(header, frame_.bytes) != io::SendOutcome::sent) finish(false, "the connection took no frame");
}

void TrialRunner::received(io::Parts parts) {
  if (finished_ || parts.empty()) return;
  const Result<protocol::AgentMessage> message = protocol::decode_agent_message(parts[0]);
  if (!message) return;
  if (const auto* welcome = std::get_if<protocol::Welcome>(&*message)) {
    if (welcomed_ || welcome->instance != grant_.instance || welcome->epoch != grant_.epoch) return;
    welcomed_ = true;
    again_.cancel();
    run();
  } else if (const auto* no = std::get_if<protocol::Refused>(&*message)) {
    refused(*no);
  } else if (const auto* result = std::get_if<protocol::ResultHeader>(&*message)) {
    answered(*result);
  }
}

void TrialRunner::refused(const protocol::Refused& message) {
  // The command to make the instance may still be on its way, and the worker or its object too. One that was known and is
  // no more has failed, or was taken back: waiting would not bring it.
  const bool gone = known_ && message.code == protocol::RefusalCode::unknown_instance;
  const bool wait = !welcomed_ && (message.code == protocol::RefusalCode::not_ready ||
                                   message.code == protocol::RefusalCode::unknown_instance);
  known_ = known_ || message.code == protocol::RefusalCode::not_ready;
  if (wait && !gone) {
    waiting_for_ = "the instance did not get ready";
    again_.once_in(hello_again);
    return;
  }
  finish(false, message.reason.empty() ? "refused by the agent" : message.reason);
}

void TrialRunner::answered(const protocol::ResultHeader& result) {
  if (!welcomed_ || result.instance != grant_.instance || result.sequence != sequence_) return;
  if (result.status != protocol::ResultStatus::ok) {
    finish(false, result.reason.empty() ? "the task failed on the frame" : result.reason);
    return;
  }
  const double execute_ms = static_cast<double>(result.executed_us) / 1000;
  trial_.execute_ms.push_back(execute_ms);
  trial_.queue_ms.push_back(static_cast<double>(result.queued_us) / 1000);
  if (trial_.execute_ms.size() >= plan_.runs || execute_ms > plan_.slow_ms) {
    finish(true, "");
    return;
  }
  run();
}

void TrialRunner::finish(bool ok, std::string reason) {
  if (finished_) return;
  finished_ = true;
  deadline_.cancel();
  again_.cancel();
  if (welcomed_) socket_->send(protocol::encode(protocol::ClientMessage{protocol::Bye{grant_.instance}}));
  trial_.ok = ok;
  trial_.reason = std::move(reason);
  on_done_(trial_);
}

}  // namespace proxima::client

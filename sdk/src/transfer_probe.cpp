#include "sdk/src/transfer_probe.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/io/file.hpp"
#include "common/protocol/codec.hpp"
#include "sdk/src/statistics.hpp"

namespace proxima::client {

namespace {
constexpr double least_ms = 0.02;         // what this clock and this loop can tell apart
constexpr double least_error = 0.02;      // of the rate: nothing is known better than that
}  // namespace

TransferProbe::TransferProbe(io::Loop& loop, io::ZmqContext& context, const std::string& endpoint,
                             const TransferPlan& plan, OnDone on_done)
    : plan_(plan), on_done_(std::move(on_done)), timer_(loop, [this] { finish(std::nullopt); }) {
  // Random bytes: a line that compresses would flatter itself.
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(std::max(plan_.frame_bytes, 1U));
  io::random_bytes(*bytes);
  payload_ = std::move(bytes);
  auto socket = io::DealerSocket::connect(
      loop, context, endpoint, {},
      {.on_message = [this](io::Parts parts) { received(parts); },
       .on_event =
           [this](io::DealerEvent event) {
             if (event == io::DealerEvent::connected) begin(std::min(plan_.frame_bytes, plan_.small_bytes));
             if (event == io::DealerEvent::disconnected) finish(std::nullopt);
           }});
  if (socket) socket_ = std::move(*socket);
  timer_.once_in(socket_ != nullptr ? plan_.patience : Duration{});
}

void TransferProbe::begin(std::uint32_t bytes) {
  if (finished_) return;
  bytes_ = bytes;
  ++token_;
  const protocol::Bytes header = protocol::encode(protocol::ClientMessage{protocol::Transfer{token_}});
  sent_ = io::Loop::now();
  if (socket_->send(header, io::View(*payload_).first(bytes)) != io::SendOutcome::sent) finish(std::nullopt);
}

void TransferProbe::received(io::Parts parts) {
  const Instant now = io::Loop::now();
  if (finished_ || parts.empty()) return;
  const Result<protocol::AgentMessage> message = protocol::decode_agent_message(parts[0]);
  if (!message) return;
  if (std::holds_alternative<protocol::Refused>(*message)) {
    finish(std::nullopt);
    return;
  }
  const auto* done = std::get_if<protocol::TransferDone>(&*message);
  if (done == nullptr || done->token != token_ || done->bytes != bytes_) return;
  const double total_ms = (now - sent_).ms();
  answered(std::max(total_ms - plan_.rtt_ms - static_cast<double>(done->inside_us) / 1000, least_ms));
}

void TransferProbe::answered(double took_ms) {
  const auto rate_of = [&](double ms) { return static_cast<double>(bytes_) * 8 / 1000 / ms; };
  if (!warm_) {
    warm_ = true;
    const double whole_ms = took_ms * static_cast<double>(plan_.frame_bytes) / std::max(bytes_, 1U);
    if (whole_ms > plan_.longest_ms && bytes_ < plan_.frame_bytes) {
      const double rate = rate_of(took_ms);
      finish(RateFigures{rate, rate * std::max(least_error, plan_.rtt_error_ms / took_ms)});
      return;
    }
    begin(plan_.frame_bytes);
    return;
  }
  times_ms_.push_back(took_ms);
  if (times_ms_.size() < plan_.runs) {
    begin(plan_.frame_bytes);
    return;
  }
  const Spread spread = spread_of(times_ms_);
  const double rate = rate_of(spread.median);
  // The round trip was taken off, so its error is in the time too.
  const double error_ms = std::sqrt(spread.error * spread.error + plan_.rtt_error_ms * plan_.rtt_error_ms);
  finish(RateFigures{rate, rate * std::clamp(error_ms / spread.median, least_error, 1.0)});
}

void TransferProbe::finish(std::optional<RateFigures> figures) {
  if (finished_) return;
  finished_ = true;
  timer_.cancel();
  on_done_(figures);
}

}  // namespace proxima::client

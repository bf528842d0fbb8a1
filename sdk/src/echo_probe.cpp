#include "sdk/src/echo_probe.hpp"

#include <algorithm>
#include <utility>

#include "common/io/file.hpp"
#include "common/protocol/codec.hpp"
#include "sdk/src/statistics.hpp"

namespace proxima::client {

EchoProbe::EchoProbe(io::Loop& loop, const std::vector<std::string>& endpoints, const EchoPlan& plan, OnDone on_done)
    : plan_(plan), on_done_(std::move(on_done)), nodes_(endpoints.size()), timer_(loop, [this] { tick(); }) {
  if (auto any = io::Address::parse("127.0.0.1:0")) {
    auto bound = io::UdpSocket::bind(loop, *any, [this](const io::Address& from, io::View bytes) {
      received(from, bytes);
    });
    if (bound) socket_ = std::move(*bound);
  }
  const Instant now = io::Loop::now();
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(endpoints.size(), 1));
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    auto address = io::Address::parse(endpoints[i]);
    nodes_[i].usable = socket_ != nullptr && address.has_value();
    nodes_[i].done = !nodes_[i].usable;
    if (address) nodes_[i].address = *address;
    // Spread over the spacing, so that the probes of different nodes do not queue behind each other.
    nodes_[i].next = now + plan_.spacing * static_cast<std::int64_t>(i) / count;
  }
  timer_.once_in({});
}

void EchoProbe::tick() {
  if (finished_) return;
  const Instant now = io::Loop::now();
  Instant next = Instant::never();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Probed& node = nodes_[i];
    if (!node.done && settled(node, now)) node.done = true;
    if (node.done) continue;
    if (node.sent < plan_.most && node.next <= now) send(i, now);
    next = std::min(next, node.sent < plan_.most ? node.next : now + plan_.spacing);
  }
  if (std::all_of(nodes_.begin(), nodes_.end(), [](const Probed& node) { return node.done; })) {
    finish();
    return;
  }
  timer_.once_at(next);
}

void EchoProbe::send(std::size_t index, Instant now) {
  Probed& node = nodes_[index];
  if (node.sent == 0) node.first = now;
  ++node.sent;
  protocol::Echo echo;
  echo.token = io::random_u64();
  const protocol::Bytes bytes = protocol::encode(echo);
  const Instant at = io::Loop::now();
  node.last = at;
  outstanding_[echo.token] = {index, at};
  socket_->send(node.address, bytes);
  node.next = now + (node.sent < plan_.wanted ? plan_.spacing : plan_.retry_spacing);
}

void EchoProbe::received(const io::Address& from, io::View bytes) {
  const Instant now = io::Loop::now();
  const Result<protocol::Echo> echo = protocol::decode_echo(bytes);
  if (!echo || !echo->reply || finished_) return;
  const auto found = outstanding_.find(echo->token);
  if (found == outstanding_.end()) return;
  Probed& node = nodes_[found->second.node];
  if (!(node.address == from)) return;
  node.rtts_ms.push_back((now - found->second.at).ms());
  outstanding_.erase(found);
  if (!node.done && settled(node, now)) {
    node.done = true;
    timer_.once_in({});
  }
}

bool EchoProbe::settled(const Probed& node, Instant now) const {
  if (node.rtts_ms.size() >= plan_.wanted) return true;
  if (node.sent < plan_.wanted) return false;
  if (node.rtts_ms.empty()) return now - node.first >= plan_.patience;
  // Some answered: the others are given up once one more round trip, and then some, has passed.
  const double slowest_ms = *std::max_element(node.rtts_ms.begin(), node.rtts_ms.end());
  const Duration wait = Duration::from_ms(slowest_ms * 1.5 + 15);
  if (node.rtts_ms.size() >= plan_.enough) return now - node.last >= wait;
  return node.sent >= plan_.most && now - node.last >= wait;
}

void EchoProbe::finish() {
  finished_ = true;
  timer_.cancel();
  std::vector<EchoFigures> figures;
  for (const Probed& node : nodes_) {
    EchoFigures one;
    one.answers = node.rtts_ms.size();
    one.reachable = !node.rtts_ms.empty();
    const Spread spread = spread_of(node.rtts_ms);
    one.rtt_ms = spread.median;
    one.error_ms = std::max(0.1, spread.error);
    figures.push_back(one);
  }
  on_done_(figures);
}

}  // namespace proxima::client

#include "tests/sim/data_plane.hpp"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace proxima::sim {

DataLinkPtr DataPlane::open(std::size_t client, std::size_t node, DataCallbacks callbacks) {
  auto link = std::make_shared<DataLink>();
  link->client = client;
  link->node = node;
  link->callbacks = std::move(callbacks);
  attempt(link);
  return link;
}

void DataPlane::attempt(const DataLinkPtr& link) {
  const Way there{client_place(link->client), node_place(link->node)};
  const Way back{there.to, there.from};
  const Duration out = network_.delay(there);
  queue_.in(out + network_.delay(back), [this, link, there, back] {
    if (link->closed) return;
    const Answer answer = network_.is_open(there.from, there.to) ? ask_(link->node) : Answer::silent;
    if (answer == Answer::accepts) {
      link->peer = agent::PeerId{"peer-" + std::to_string(++peers_made_)};
      link->up = network_.open(there);
      link->down = network_.open(back);
      link->connected = true;
      peers_[link->peer] = link;
      link->callbacks.on_connected();
      return;
    }
    const auto again = Duration::millis(static_cast<std::int64_t>(100 + rng_.below(300)));
    queue_.in(again, [this, link] {
      if (!link->closed) attempt(link);
    });
    if (answer == Answer::refuses) link->callbacks.on_refused();
  });
}

void DataPlane::close(const DataLinkPtr& link) {
  link->closed = true;
  if (!std::exchange(link->connected, false)) return;
  link->down->close();
  link->up->send([this, peer = link->peer] { peers_.erase(peer); });
}

bool DataPlane::send(const DataLinkPtr& link, const protocol::ClientMessage& message, std::uint32_t bytes) {
  if (!link->connected || rng_.unit() < full_) return false;
  link->up->send([this, peer = link->peer, node = link->node, message, bytes] {
    if (peers_.contains(peer)) deliver_(node, peer, message, bytes);
  });
  return true;
}

bool DataPlane::answer(const agent::PeerId& peer, const FromAgent& message) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return false;
  const DataLinkPtr link = found->second;
  link->down->send([link, peer, message] {
    if (!link->closed && link->peer == peer) link->callbacks.on_message(message);
  });
  return true;
}

void DataPlane::break_link(const DataLinkPtr& link, bool all_lost) {
  if (!std::exchange(link->connected, false)) return;
  link->up->close();
  peers_.erase(link->peer);
  if (all_lost) link->down->close();
  const PipePtr down = all_lost ? network_.open({node_place(link->node), client_place(link->client)}) : link->down;
  down->send([this, link, down] {
    if (link->closed) return;
    link->callbacks.on_disconnected();
    attempt(link);
  });
}

// What the dead process had handed to its kernel may still arrive.
void DataPlane::node_died(std::size_t node) {
  std::vector<DataLinkPtr> links;
  for (const auto& [peer, link] : peers_)
    if (link->node == node) links.push_back(link);
  for (const DataLinkPtr& link : links) break_link(link, rng_.below(2) == 0);
}

void DataPlane::client_died(std::size_t client) {
  std::vector<DataLinkPtr> links;
  for (const auto& [peer, link] : peers_)
    if (link->client == client) links.push_back(link);
  for (const DataLinkPtr& link : links) close(link);
}

void DataPlane::break_one() {
  if (peers_.empty()) return;
  const auto at = std::next(peers_.begin(), static_cast<std::ptrdiff_t>(rng_.below(peers_.size())));
  break_link(at->second, rng_.below(2) == 0);
}

}  // namespace proxima::sim

// What a run is made of, and what goes wrong in it.
#include <algorithm>
#include <string>

#include "tests/sim/region.hpp"

namespace proxima::sim {
namespace {

constexpr Duration first_fault = Duration::seconds(4);
constexpr std::uint64_t faults_last_ms = 40'000;

protocol::TaskSpec spec_from(Prng& rng, std::size_t index) {
  protocol::TaskSpec spec;
  spec.name = "task-" + std::to_string(index % 3);
  spec.version = "0.1.0";
  spec.module.bytes.fill(static_cast<std::uint8_t>(1 + index % 3));
  const std::uint64_t promise = rng.below(4);
  if (promise > 0) spec.contract.deadline_ms = static_cast<double>(60 * promise * promise);
  spec.contract.rate_hz = static_cast<double>(1 + rng.below(10));
  spec.memory_mib = static_cast<std::uint32_t>(8 + rng.below(32));
  if (rng.below(4) == 0) spec.functions = {"vision"};
  if (rng.below(8) == 0) spec.pinned_node = "node-" + std::to_string(rng.below(3));
  spec.input.max_bytes = 20'000;
  return spec;
}

Duration millis(std::uint64_t count) { return Duration::millis(static_cast<std::int64_t>(count)); }

}  // namespace

void Region::make_region() {
  coordinator::CoordinatorOptions options;
  options.seed = options_.seed;
  core_.emplace(options);
  const std::size_t node_count = 3 + rng_.below(3);
  const std::size_t client_count = 1 + rng_.below(3);
  for (std::size_t i = 0; i < node_count; ++i) {
    NodeProfile profile;
    profile.name = "node-" + std::to_string(i);
    profile.memory_mib = static_cast<std::uint32_t>(48 + rng_.below(80));
    if (rng_.below(2) == 0) profile.functions = {"vision"};
    profile.target = rng_.below(3) == 0 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    profile.execute_us = static_cast<std::int64_t>(1000 + rng_.below(25'000));
    network_.set_distance(node_place(i), Duration::micros(static_cast<std::int64_t>(200 + rng_.below(15'000))));
    nodes_.push_back(std::make_unique<Node>(*this, i, profile, rng_.next()));
  }
  for (std::size_t i = 0; i < client_count; ++i) {
    const protocol::TaskSpec spec = spec_from(rng_, i);
    const std::uint32_t lease_ms = rng_.below(4) == 0 ? 0 : static_cast<std::uint32_t>(4000 + rng_.below(8000));
    clients_.push_back(std::make_unique<Client>(*this, i, spec, lease_ms, rng_.next()));
  }
  queue_.in(millis(rng_.below(100)), [this] { connect_coordinator(); });
  for (const auto& node : nodes_) queue_.in(millis(rng_.below(800)), [&node = *node] { node.start(); });
  for (const auto& client : clients_) queue_.in(millis(1000 + rng_.below(3000)), [&client = *client] { client.start(); });
}

// Some runs have steady trouble, some only great faults, some none.
void Region::plan_faults() {
  const bool trouble = rng_.below(3) != 0;
  if (trouble) {
    network_.set_loss(rng_.unit() * 0.05);
    likelihoods_ = {0.05, 0.004, 0.01, 0.15, 0.03};
    data_plane_.set_full(0.01);
  }
  BrokerOptions broker;
  broker.beat_loss = trouble ? 0.1 : 0;
  broker.replay = rng_.below(2) == 0 ? 0.5 : 0;
  broker.keep_alive = millis(2000 + rng_.below(18'000));
  broker_.set_options(broker);
  for (std::uint64_t left = rng_.below(9); left > 0; --left)
    queue_.in(first_fault + millis(rng_.below(faults_last_ms)), [this] { make_fault(); });
  for (std::size_t i = 0; i < clients_.size(); ++i)
    for (std::uint64_t at_ms = 6000 + rng_.below(2000); at_ms < faults_last_ms; at_ms += 2500 + rng_.below(4000)) {
      const auto count = static_cast<std::uint32_t>(5 + rng_.below(20));
      const Duration pace = millis(15 + rng_.below(60));
      queue_.in(millis(at_ms), [this, i, count, pace] { clients_[i]->burst(count, pace); });
    }
}

void Region::make_fault() {
  if (calm_) return;
  ++counts_.faults;
  const Duration lasts = millis(50 + rng_.below(rng_.below(2) == 0 ? 1500 : 25'000));
  switch (rng_.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3: return fault_of_node(rng_.below(nodes_.size()), lasts);
    case 4:
    case 5:
    case 6: return fault_of_line(lasts);
    case 7:
      note("network", "resets a connection");
      return data_plane_.break_one();
    case 8: {
      note("broker", "restarts");
      return broker_.restart(rng_.below(2) == 0);
    }
    default: {
      const std::size_t index = rng_.below(clients_.size());
      if (rng_.below(3) == 0) return clients_[index]->crash();
      return fault_of_node(rng_.below(nodes_.size()), lasts);
    }
  }
}

void Region::fault_of_node(std::size_t index, Duration lasts) {
  Node& node = *nodes_[index];
  switch (rng_.below(5)) {
    case 0:
    case 1:
      node.crash();
      return queue_.in(lasts, [&node] { node.start(); });
    case 2:
      node.pause();
      return queue_.in(lasts, [&node] { node.resume(); });
    case 3:
      node.leave();
      return queue_.in(lasts + Duration::seconds(3), [&node] { node.start(); });
    default: return node.kill_worker();
  }
}

void Region::fault_of_line(Duration lasts) {
  const Place node = node_place(rng_.below(nodes_.size()));
  const Place client = client_place(rng_.below(clients_.size()));
  switch (rng_.below(6)) {
    case 0: return cut(node, broker_place, lasts);
    case 1: return cut(coordinator_place, broker_place, lasts);
    case 2: return cut(client, coordinator_place, lasts);
    case 3: return cut(node, coordinator_place, lasts);
    default: return cut(node, client, lasts);
  }
}

void Region::cut(Place a, Place b, Duration lasts) {
  const std::uint64_t ways = 1 + rng_.below(3);  // one way, the other, both
  note("network", "cuts " + std::to_string(a) + " and " + std::to_string(b) + ", ways " + std::to_string(ways));
  for (const Way way : {Way{a, b}, Way{b, a}}) {
    const bool hit = (way.from == a && (ways & 1U) != 0) || (way.from == b && (ways & 2U) != 0);
    if (!hit) continue;
    network_.cut(way);
    queue_.in(lasts, [this, way] { network_.heal(way); });
  }
}

void Region::heal() {
  note("region", "is healed");
  calm_ = true;
  likelihoods_ = {};
  network_.set_loss(0);
  data_plane_.set_full(0);
  BrokerOptions broker;
  broker.keep_alive = Duration::seconds(20);
  broker_.set_options(broker);
  network_.heal_all();
  for (const auto& node : nodes_) {
    node->resume();
    node->start();
  }
}

}  // namespace proxima::sim

#include "coordinator/core/placement/placement_planner.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "common/base/assert.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::coordinator {
namespace {

constexpr double highest_load = 0.99;  // where the queue's formula has no value, the rate's test refuses

bool runs(const NodeFacts& node) {
  return node.state == NodeState::present && !node.build_error && node.isolation != protocol::Isolation::none &&
         !node.owner_refusal && !node.failure;
}

bool is_allowed(const PlacementView& view, const NodeFacts& node) {
  const std::string& pinned = view.spec.pinned_node;
  return pinned.empty() || pinned == node.name || pinned == to_text(node.id);
}

bool has_functions(const PlacementView& view, const NodeFacts& node) {
  return std::all_of(view.spec.functions.begin(), view.spec.functions.end(), [&](const std::string& wanted) {
    return std::find(node.functions.begin(), node.functions.end(), wanted) != node.functions.end();
  });
}

bool has_room(const PlacementView& view, const NodeFacts& node) {
  return node.memory_left_mib >= view.spec.memory_mib && node.instances < limits::instances_per_node;
}

/// The prediction of a node that no constraint rules out.
std::optional<Prediction> feasible(const PlacementView& view, const NodeFacts& node) {
  if (!admits(view, node)) return std::nullopt;
  if (!node.service.learnt() && !view.estimates_allowed) return std::nullopt;
  const auto prediction = predict(view, node);
  if (!prediction || view.spec.contract.rate_hz > rate_left_hz(node)) return std::nullopt;
  const auto& contract = view.spec.contract;
  if (contract.deadline_ms && prediction->with_margin_ms() > *contract.deadline_ms) return std::nullopt;
  if (contract.p95_ms && prediction->p95_ms() > *contract.p95_ms) return std::nullopt;
  return prediction;
}

}  // namespace

double Prediction::p95_ms() const {
  constexpr double z = 1.645;
  return terms.total() + z * std::sqrt(error_ms * error_ms + service_error_ms * service_error_ms);
}

double transfer_ms(std::uint32_t frame_bytes, double rate_mbit) {
  return static_cast<double>(frame_bytes) * 8 / (rate_mbit * 1000);
}

double rate_left_hz(const NodeFacts& node) {
  const double left = node.load < 1 ? 1 - node.load : 0;
  return left * 1000 / std::max(node.service.mean_ms, 1e-6);
}

bool admits(const PlacementView& view, const NodeFacts& node) {
  return runs(node) && is_allowed(view, node) && has_functions(view, node) && has_room(view, node);
}

std::optional<Prediction> predict(const PlacementView& view, const NodeFacts& node) {
  if (!node.measured || !node.measured->reachable || !node.measured->rate_mbit || !node.service.known()) return std::nullopt;
  const NodeMeasurement& m = *node.measured;
  const double rate = *m.rate_mbit;
  const double load = std::min(node.load, highest_load);
  const double service = node.service.mean_ms;
  Prediction out;
  out.terms.rtt = m.rtt_ms;
  out.terms.transfer = transfer_ms(view.frame_bytes, rate);
  // Workers are processes that share the owner's part of the CPU, so a frame does not wait for others to end but runs
  // slower beside them: M/G/1 with processor sharing, mean response s / (1 − ρ), so the wait is s·ρ / (1 − ρ)
  // (Kleinrock, Queueing Systems II, 1976, section 4.4).
  out.terms.queue = service * load / (1 - load);
  out.terms.service = service;
  const double transfer_error = out.terms.transfer * m.rate_error_mbit / rate;
  const double queue_error = service * node.load_error / ((1 - load) * (1 - load));  // the wait's derivative by ρ
  out.error_ms = std::sqrt(m.rtt_error_ms * m.rtt_error_ms + transfer_error * transfer_error + queue_error * queue_error);
  out.service_error_ms = node.service.error_ms;
  return out;
}

bool is_equal(const Rated& a, const Rated& b) {
  const double difference = a.total_ms < b.total_ms ? b.total_ms - a.total_ms : a.total_ms - b.total_ms;
  return difference < std::max(a.error_ms, b.error_ms);
}

std::size_t best_of(std::span<const Rated> rated) {
  PROXIMA_ASSERT(!rated.empty());
  std::size_t lowest = 0;
  for (std::size_t i = 1; i < rated.size(); ++i)
    if (std::tie(rated[i].total_ms, rated[i].node->id) < std::tie(rated[lowest].total_ms, rated[lowest].node->id)) lowest = i;
  std::size_t best = lowest;
  const auto rank = [](const NodeFacts& n) { return std::tie(n.failures, n.losses, n.instances, n.id); };
  for (std::size_t i = 0; i < rated.size(); ++i)
    if (is_equal(rated[i], rated[lowest]) && rank(*rated[i].node) < rank(*rated[best].node)) best = i;
  return best;
}

Plan decide(const PlacementView& view) {
  Plan plan{view.keep_serving, view.keep_standby};
  if (plan.serving && plan.standby) return plan;
  std::vector<Rated> rated;
  for (const NodeFacts& node : view.nodes) {
    if (node.id == plan.serving || node.id == plan.standby) continue;
    if (const auto prediction = feasible(view, node))
      rated.push_back({&node, prediction->terms.total(), prediction->error_ms});
  }
  if (!plan.serving && !rated.empty()) {
    const std::size_t best = best_of(rated);
    plan.serving = rated[best].node->id;
    rated.erase(rated.begin() + static_cast<std::ptrdiff_t>(best));
  }
  if (plan.serving && !plan.standby && !rated.empty()) plan.standby = rated[best_of(rated)].node->id;
  return plan;
}

std::vector<NodeId> trial_candidates(const PlacementView& view) {
  std::vector<std::pair<double, const NodeFacts*>> near;
  const auto& deadline = view.spec.contract.deadline_ms;
  for (const NodeFacts& node : view.nodes) {
    if (node.service.learnt() || !admits(view, node)) continue;
    if (!node.measured || !node.measured->reachable || !node.measured->rate_mbit) continue;
    const double way = node.measured->rtt_ms + transfer_ms(view.frame_bytes, *node.measured->rate_mbit);
    if (!deadline || way <= *deadline) near.emplace_back(way, &node);
  }
  std::sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->id) < std::tie(b.first, b.second->id);
  });
  std::vector<NodeId> chosen;
  std::set<std::string> classes;
  for (const bool new_class : {true, false}) {
    for (const auto& [way, node] : near) {
      if (chosen.size() == limits::trial_nodes) return chosen;
      if (std::find(chosen.begin(), chosen.end(), node->id) != chosen.end()) continue;
      if (new_class && !classes.insert(node->device_class).second) continue;
      chosen.push_back(node->id);
    }
  }
  return chosen;
}

}  // namespace proxima::coordinator

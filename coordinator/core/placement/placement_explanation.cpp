// explain(): the same plan as decide(), with all that speaks for and against every node.
#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "common/protocol/limits.hpp"
#include "coordinator/core/placement/placement_planner.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {
namespace {

class Reasons {
 public:
  void add(Constraint what, Quantity needed, Quantity had) { all_.push_back({what, std::move(needed), std::move(had)}); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// In the order of Constraint; several of one kind stay in the order of finding.
  [[nodiscard]] std::vector<Blocked> sorted() && {
    std::stable_sort(all_.begin(), all_.end(), [](const Blocked& a, const Blocked& b) { return a.what < b.what; });
    return std::move(all_);
  }

 private:
  std::vector<Blocked> all_;
};

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// What no measurement can change.
void add_fixed(const PlacementView& view, const NodeFacts& node, Reasons& out) {
  for (const std::string& wanted : view.spec.functions) {
    if (std::find(node.functions.begin(), node.functions.end(), wanted) != node.functions.end()) continue;
    out.add(Constraint::host_function, wanted, node.functions.empty() ? Quantity{} : Quantity{list(node.functions)});
  }
  if (node.memory_left_mib < view.spec.memory_mib)
    out.add(Constraint::memory_mib, static_cast<double>(view.spec.memory_mib), node.memory_left_mib);
  if (node.build_error) out.add(Constraint::arch, "an object for " + node.target, *node.build_error);
  if (node.isolation == protocol::Isolation::none) out.add(Constraint::isolation, "process", "none");
  if (node.owner_refusal) out.add(Constraint::owner, "the owner's leave", *node.owner_refusal);
  if (node.instances >= limits::instances_per_node)
    out.add(Constraint::owner, "room for one more instance", std::to_string(node.instances) + " instances");
  const std::string& pinned = view.spec.pinned_node;
  if (!pinned.empty() && pinned != node.name && pinned != to_text(node.id)) out.add(Constraint::residency, pinned, node.name);
  if (node.state != NodeState::present) out.add(Constraint::state, "present", to_text(node.state));
  if (node.failure) out.add(Constraint::state, "working", *node.failure);
  if (node.measured && !node.measured->reachable) out.add(Constraint::state, "reachable", "unreachable");
}

/// The contract's promises, judged by what is known: the prediction, or the part of it that is.
void add_promises(const PlacementView& view, const NodeFacts& node, const std::optional<Prediction>& prediction,
                  Reasons& out) {
  const auto& contract = view.spec.contract;
  const bool judged = prediction && (node.service.learnt() || view.estimates_allowed);
  if (judged) {
    if (contract.deadline_ms && prediction->with_margin_ms() > *contract.deadline_ms)
      out.add(Constraint::deadline_ms, rounded_up(prediction->with_margin_ms()), *contract.deadline_ms);
    if (contract.p95_ms && prediction->p95_ms() > *contract.p95_ms)
      out.add(Constraint::p95_ms, rounded_up(prediction->p95_ms()), *contract.p95_ms);
    if (contract.rate_hz > rate_left_hz(node)) out.add(Constraint::rate_hz, contract.rate_hz, rate_left_hz(node));
  } else if (contract.deadline_ms && node.measured && node.measured->reachable) {
    double bound = node.measured->rtt_ms;
    if (node.measured->rate_mbit) bound += transfer_ms(view.frame_bytes, *node.measured->rate_mbit);
    if (node.service.learnt()) bound += node.service.mean_ms;
    if (bound > *contract.deadline_ms) out.add(Constraint::deadline_ms, rounded_up(bound), *contract.deadline_ms);
  }
}

/// Why a node that nothing speaks against is not judged.
void add_unknown(const NodeFacts& node, bool judged, Reasons& out) {
  if (!out.empty() || judged) return;
  if (!node.measured) out.add(Constraint::state, "measured", "not measured");
  else if (!node.measured->rate_mbit) out.add(Constraint::state, "measured", "not among the nearest");
  else out.add(Constraint::state, "tried", "no trial has run there");
}

Candidate judge(const PlacementView& view, const NodeFacts& node) {
  Candidate out;
  out.node = node.id;
  out.name = node.name;
  if (node.measured && node.measured->reachable) {
    out.rtt_ms = node.measured->rtt_ms;
    out.rtt_error_ms = node.measured->rtt_error_ms;
    out.rate_mbit = node.measured->rate_mbit;
  }
  const auto prediction = predict(view, node);
  if (prediction) {
    out.terms = prediction->terms;
    out.predicted_ms = prediction->terms.total();
    out.predicted_error_ms = prediction->error_ms;
  }
  const bool judged = prediction && (node.service.learnt() || view.estimates_allowed);
  Reasons reasons;
  add_fixed(view, node, reasons);
  add_promises(view, node, prediction, reasons);
  add_unknown(node, judged, reasons);
  out.blocked = std::move(reasons).sorted();
  out.feasible = out.blocked.empty();
  if (judged && out.blocked.size() == 1 && out.blocked.front().what == Constraint::deadline_ms)
    out.fits_if_deadline_ms = rounded_up(prediction->with_margin_ms());
  return out;
}

std::string short_reason(const Candidate& candidate) {
  const Blocked& first = candidate.blocked.front();
  if (first.what == Constraint::deadline_ms && std::holds_alternative<double>(first.needed))
    return candidate.name + " needs " + one_decimal(std::get<double>(first.needed)) + " ms";
  std::string out = candidate.name + ": " + to_text(first.what);
  if (const auto* needed = std::get_if<std::string>(&first.needed)) out += " " + *needed;
  if (const auto* had = std::get_if<std::string>(&first.had)) out += " (" + *had + ")";
  return out;
}

std::string summarize(const PlacementView& view, const Decision& decision) {
  const auto of = [&](const NodeId& id) -> std::string {
    for (const Candidate& c : decision.candidates)
      if (c.node == id) return c.predicted_ms ? c.name + " (" + one_decimal(*c.predicted_ms) + " ms)" : c.name;
    return to_text(id);
  };
  const auto& deadline = view.spec.contract.deadline_ms;
  const std::string contract = deadline ? "within " + one_decimal(*deadline) + " ms" : "without a deadline";
  if (decision.serving) {
    return of(*decision.serving) + " serves '" + view.spec.name + "' " + contract + "; " +
           (decision.standby ? of(*decision.standby) + " stands by" : "no other node can stand by");
  }
  if (decision.candidates.empty()) return "there is no node in the region that could serve '" + view.spec.name + "'";
  std::string out = "no node can serve '" + view.spec.name + "' " + contract + ": ";
  constexpr std::size_t named = 5;
  for (std::size_t i = 0; i < decision.candidates.size() && i < named; ++i)
    out += (i == 0 ? "" : "; ") + short_reason(decision.candidates[i]);
  if (decision.candidates.size() > named) out += "; and " + std::to_string(decision.candidates.size() - named) + " more";
  return out;
}

/// Kept and chosen nodes first, then the feasible by rank, then the rest by name.
std::vector<Candidate> order(const PlacementView& view, std::vector<Candidate> judged, Decision& out) {
  std::vector<Rated> rated;
  for (std::size_t i = 0; i < judged.size(); ++i)
    if (judged[i].feasible) rated.push_back({&view.nodes[i], *judged[i].predicted_ms, *judged[i].predicted_error_ms});
  std::vector<Candidate> sorted;
  const auto take = [&](const NodeId& id) {
    std::erase_if(rated, [&](const Rated& r) { return r.node->id == id; });
    const auto found = std::find_if(judged.begin(), judged.end(), [&](const Candidate& c) { return c.node == id; });
    if (found == judged.end()) return;
    sorted.push_back(std::move(*found));
    judged.erase(found);
  };
  if (out.serving) take(*out.serving);
  if (out.standby) take(*out.standby);
  while (!rated.empty()) {
    const NodeId best = rated[best_of(rated)].node->id;
    if (!out.serving) out.serving = best;
    else if (!out.standby) out.standby = best;
    take(best);
  }
  std::sort(judged.begin(), judged.end(),
            [](const Candidate& a, const Candidate& b) { return std::tie(a.name, a.node) < std::tie(b.name, b.node); });
  std::move(judged.begin(), judged.end(), std::back_inserter(sorted));
  return sorted;
}

}  // namespace

Decision explain(const PlacementView& view) {
  Decision out;
  out.serving = view.keep_serving;
  out.standby = view.keep_standby;
  std::vector<Candidate> judged;
  for (const NodeFacts& node : view.nodes) judged.push_back(judge(view, node));
  out.candidates = order(view, std::move(judged), out);
  out.summary = summarize(view, out);
  return out;
}

}  // namespace proxima::coordinator

#include "sdk/cli/decision_table.hpp"

#include <cmath>
#include <iostream>

#include "sdk/cli/output.hpp"

namespace proxima::cli {

namespace {

std::string quantity_text(const Quantity& quantity) {
  if (const auto* number = std::get_if<double>(&quantity))
    return number_text(*number, std::floor(*number) == *number ? 0 : 2);
  if (const auto* text = std::get_if<std::string>(&quantity)) return *text;
  return "none";
}

/// Rounded up: the deadline that is named must be one that fits.
std::string deadline_text(double deadline_ms) { return quantity_text(std::ceil(deadline_ms * 100) / 100); }

std::string verdict(const PlacementDecision& decision, const NodeJudgement& node) {
  if (decision.placed_on == node.node) return "chosen";
  if (decision.standby == node.node) return "standby";
  if (node.feasible) return "fits";
  std::string out = blocked_text(node);
  if (out.empty()) out = "not measured";
  if (node.fits_if_deadline_ms) out += "; would fit if deadline_ms ≥ " + deadline_text(*node.fits_if_deadline_ms);
  return out;
}

std::string plus_minus(const std::optional<double>& value, const std::optional<double>& error) {
  if (!value) return "–";
  return number_text(*value, 2) + (error ? " ±" + number_text(*error, 2) : "");
}

}  // namespace

std::string blocked_text(const NodeJudgement& node) {
  std::string out;
  for (const BlockedBy& by : node.blocked) {
    if (!out.empty()) out += "; ";
    out += by.what + ": needs " + quantity_text(by.needed) + ", has " + quantity_text(by.had);
  }
  return out;
}

void print_decision(const std::string& task, const PlacementDecision& decision) {
  std::cout << bold(task) << ": " << safe(decision.summary) << "\n\n";
  Table table({"NODE", "RTT ms", "RATE Mbit/s", "TRANSFER", "QUEUE", "SERVICE", "PREDICTED ms", "VERDICT"});
  for (const NodeJudgement& node : decision.candidates) {
    const auto term = [&](double LatencyTerms::*member) {
      return node.terms_ms ? number_text((*node.terms_ms).*member, 2) : std::string("–");
    };
    table.add({node.node, plus_minus(node.rtt_ms, node.rtt_error_ms),
               node.rate_mbit ? number_text(*node.rate_mbit, 1) : "–", term(&LatencyTerms::transfer),
               term(&LatencyTerms::queue), term(&LatencyTerms::service),
               plus_minus(node.predicted_ms, node.predicted_error_ms), verdict(decision, node)});
  }
  table.print();
}

}  // namespace proxima::cli

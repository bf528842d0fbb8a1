// A placement decision for people: every node, its terms, all that blocks it, and what would let it in.
#pragma once

#include <string>

#include "sdk/include/proxima/client.hpp"

namespace proxima::cli {

void print_decision(const std::string& task, const PlacementDecision& decision);

/// "deadline_ms: needs 20, has 45.3"; one for each failed constraint, joined by "; ".
[[nodiscard]] std::string blocked_text(const NodeJudgement& node);

}  // namespace proxima::cli

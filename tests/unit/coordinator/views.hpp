// Planner views for tests: nodes that nothing speaks against.
#pragma once

#include <string>

#include "coordinator/core/placement/placement_planner.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {

/// A present node with this round trip ± error, a rate of 1000 ± 0 Mbit/s and a learnt service of 10 ± 0.5 ms.
inline NodeFacts facts(const std::string& name, double rtt_ms, double rtt_error_ms = 0.1) {
  NodeFacts out;
  out.id = node_id(name);
  out.name = name;
  out.target = "x86_64-linux-gnu";
  out.device_class = "one cpu @ 100 %";
  out.isolation = protocol::Isolation::full;
  out.memory_left_mib = 64;
  out.measured = NodeMeasurement{out.id, true, rtt_ms, rtt_error_ms, 1000.0, 0};
  out.service = {ServiceEstimate::Basis::device_class, 10, 0.5};
  return out;
}

/// A task of 100 ms, 10 Hz, 16 MiB and frames of 125 kB (1 ms at 1000 Mbit/s).
inline PlacementView view_of(std::vector<NodeFacts> nodes) {
  PlacementView out;
  out.spec = motion().spec;
  out.spec.contract.deadline_ms = 100;
  out.spec.contract.rate_hz = 10;
  out.frame_bytes = 125'000;
  out.nodes = std::move(nodes);
  return out;
}

inline std::string name_in(const PlacementView& view, const std::optional<NodeId>& id) {
  if (!id) return "none";
  for (const NodeFacts& node : view.nodes)
    if (node.id == *id) return node.name;
  return "unknown";
}

}  // namespace proxima::coordinator::test

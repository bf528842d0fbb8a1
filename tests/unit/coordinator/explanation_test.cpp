#include <boost/test/unit_test.hpp>

#include <functional>

#include "common/protocol/limits.hpp"
#include "tests/unit/coordinator/views.hpp"

namespace proxima::coordinator::test {
namespace {

std::string text(const Quantity& quantity) {
  if (const auto* number = std::get_if<double>(&quantity)) return std::to_string(*number);
  if (const auto* words = std::get_if<std::string>(&quantity)) return *words;
  return "null";
}

BOOST_AUTO_TEST_SUITE(explanation)

BOOST_AUTO_TEST_CASE(each_failed_constraint_says_what_was_needed_and_what_there_was) {
  struct Row {
    const char* name;
    std::function<void(PlacementView&)> spoil;
    const char* what;
    const char* needed;
    const char* had;
  };
  const Row rows[] = {
      {"no functions at all", [](auto& v) { v.spec.functions = {"vision"}; }, "host_function", "vision", "null"},
      {"other functions", [](auto& v) { v.spec.functions = {"vision"}; v.nodes[0].functions = {"audio", "nn"}; }, "host_function",
       "vision", "audio, nn"},
      {"memory", [](auto& v) { v.nodes[0].memory_left_mib = 15; }, "memory_mib", "16.000000", "15.000000"},
      {"deadline", [](auto& v) { v.spec.contract.deadline_ms = 14; }, "deadline_ms", "15.100000", "14.000000"},
      {"p95", [](auto& v) { v.spec.contract.p95_ms = 15; }, "p95_ms", "15.840000", "15.000000"},
      {"rate", [](auto& v) { v.spec.contract.rate_hz = 101; }, "rate_hz", "101.000000", "100.000000"},
      {"rate beside others", [](auto& v) { v.nodes[0].load = 0.5; v.spec.contract.rate_hz = 51; }, "rate_hz", "51.000000", "50.000000"},
      {"no object", [](auto& v) { v.nodes[0].build_error = "no such target"; }, "arch", "an object for x86_64-linux-gnu", "no such target"},
      {"no isolation", [](auto& v) { v.nodes[0].isolation = protocol::Isolation::none; }, "isolation", "process", "none"},
      {"the owner said no", [](auto& v) { v.nodes[0].owner_refusal = "memory"; }, "owner", "the owner's leave", "memory"},
      {"no room", [](auto& v) { v.nodes[0].instances = limits::instances_per_node; }, "owner", "room for one more instance", "64 instances"},
      {"pinned elsewhere", [](auto& v) { v.spec.pinned_node = "b"; }, "residency", "b", "a"},
      {"lost", [](auto& v) { v.nodes[0].state = NodeState::lost; }, "state", "present", "lost"},
      {"silent", [](auto& v) { v.nodes[0].state = NodeState::silent; }, "state", "present", "silent"},
      {"failed", [](auto& v) { v.nodes[0].failure = "a trap"; }, "state", "working", "a trap"},
      {"unreachable", [](auto& v) { v.nodes[0].measured->reachable = false; }, "state", "reachable", "unreachable"},
      {"not measured", [](auto& v) { v.nodes[0].measured.reset(); }, "state", "measured", "not measured"},
      {"no rate", [](auto& v) { v.nodes[0].measured->rate_mbit.reset(); }, "state", "measured", "not among the nearest"},
      {"no rate and too far", [](auto& v) { v.nodes[0].measured->rate_mbit.reset(); v.nodes[0].measured->rtt_ms = 120; },
       "deadline_ms", "130.000000", "100.000000"},
      {"no trial", [](auto& v) { v.nodes[0].service = {}; }, "state", "tried", "no trial has run there"},
      {"only an estimate", [](auto& v) { v.nodes[0].service.basis = ServiceEstimate::Basis::scaled; }, "state", "tried",
       "no trial has run there"},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      PlacementView view = view_of({facts("a", 4)});
      row.spoil(view);
      const Candidate candidate = explain(view).candidates.at(0);
      BOOST_TEST(!candidate.feasible);
      BOOST_REQUIRE(candidate.blocked.size() == 1U);
      BOOST_TEST(to_text(candidate.blocked[0].what) == std::string(row.what));
      BOOST_TEST(text(candidate.blocked[0].needed) == row.needed);
      BOOST_TEST(text(candidate.blocked[0].had) == row.had);
      BOOST_TEST(!decide(view).serving.has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_node_is_pinned_by_name_or_by_id) {
  PlacementView view = view_of({facts("a", 4), facts("b", 5)});
  for (const std::string& pinned : {std::string("b"), to_text(node_id("b"))}) {
    view.spec.pinned_node = pinned;
    BOOST_TEST(name_in(view, decide(view).serving) == "b");
    BOOST_TEST(name_in(view, decide(view).standby) == "none");
    BOOST_TEST(blocks(row(explain(view), "a")) == "residency");
  }
}

BOOST_AUTO_TEST_CASE(all_failed_constraints_are_listed_in_order) {
  PlacementView view = view_of({facts("a", 500)});
  view.spec.functions = {"vision", "nn"};
  view.spec.contract.p95_ms = 1;
  view.spec.contract.rate_hz = 1000;
  view.spec.pinned_node = "b";
  NodeFacts& node = view.nodes[0];
  node.memory_left_mib = -3;
  node.build_error = "no";
  node.isolation = protocol::Isolation::none;
  node.owner_refusal = "no";
  node.state = NodeState::lost;
  node.failure = "a trap";
  BOOST_TEST(blocks(explain(view).candidates[0]) ==
             "host_function,host_function,memory_mib,deadline_ms,p95_ms,rate_hz,arch,isolation,owner,residency,state,state");
}

BOOST_AUTO_TEST_CASE(the_counterfactual_fits_and_a_hundredth_less_does_not) {
  for (const double rtt_ms : {0.0, 17.0, 33.333333, 85.7}) {
    PlacementView view = view_of({facts("a", rtt_ms, 0.37)});
    view.spec.contract.deadline_ms = 5;
    const auto fits = explain(view).candidates[0].fits_if_deadline_ms;
    BOOST_REQUIRE(fits.has_value());
    view.spec.contract.deadline_ms = *fits;
    BOOST_TEST(decide(view).serving.has_value());
    BOOST_TEST(explain(view).candidates[0].feasible);
    view.spec.contract.deadline_ms = *fits - 0.01;
    BOOST_TEST(!decide(view).serving.has_value());
    BOOST_TEST(blocks(explain(view).candidates[0]) == "deadline_ms");
  }
}

BOOST_AUTO_TEST_CASE(there_is_no_counterfactual_where_more_than_the_deadline_is_in_the_way) {
  PlacementView view = view_of({facts("a", 200), facts("b", 200)});
  view.nodes[0].memory_left_mib = 1;
  view.nodes[1].measured->rate_mbit.reset();
  for (const Candidate& candidate : explain(view).candidates) BOOST_TEST(!candidate.fits_if_deadline_ms.has_value());
}

BOOST_AUTO_TEST_CASE(candidates_stand_by_rank_and_then_by_name) {
  PlacementView view = view_of({facts("e", 1), facts("d", 9), facts("c", 5), facts("b", 7), facts("a", 3)});
  view.nodes[0].state = NodeState::lost;
  view.nodes[4].state = NodeState::lost;
  std::string names;
  const Decision decision = explain(view);
  for (const Candidate& candidate : decision.candidates) names += candidate.name;
  BOOST_TEST(names == "cbdae");
  BOOST_TEST(decision.summary == "c (16.0 ms) serves 'motion' within 100.0 ms; b (18.0 ms) stands by");
}

BOOST_AUTO_TEST_CASE(the_summary_of_a_refusal_names_what_is_in_the_way) {
  PlacementView view = view_of({facts("a", 200), facts("b", 5)});
  view.nodes[1].memory_left_mib = 1;
  BOOST_TEST(explain(view).summary == "no node can serve 'motion' within 100.0 ms: a needs 211.1 ms; b: memory_mib");
  view.nodes.clear();
  BOOST_TEST(explain(view).summary == "there is no node in the region that could serve 'motion'");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

#include <boost/test/unit_test.hpp>

#include "tests/unit/coordinator/views.hpp"

namespace proxima::coordinator::test {
namespace {

const auto exact = boost::test_tools::tolerance(1e-9);

BOOST_AUTO_TEST_SUITE(planner)

BOOST_AUTO_TEST_CASE(the_terms_are_those_of_the_formulas) {
  PlacementView view = view_of({facts("a", 4, 3)});
  view.nodes[0].measured->rate_mbit = 250;
  view.nodes[0].measured->rate_error_mbit = 25;
  view.nodes[0].load = 0.5;
  view.nodes[0].load_error = 0.1;
  const Prediction out = predict(view, view.nodes[0]).value();
  BOOST_TEST(out.terms.rtt == 4, exact);
  BOOST_TEST(out.terms.transfer == 4, exact);    // 125 kB × 8 / 250 Mbit/s
  BOOST_TEST(out.terms.queue == 10, exact);      // 10 × 0.5 / 0.5
  BOOST_TEST(out.terms.service == 10, exact);
  BOOST_TEST(out.terms.total() == 28, exact);
  BOOST_TEST(out.error_ms * out.error_ms == 9 + 0.16 + 16, exact);  // 3, 4 × 10 %, 10 × 0.1 / 0.25
  BOOST_TEST(out.with_margin_ms() == 28 + out.error_ms, exact);
  BOOST_TEST(out.p95_ms() > out.with_margin_ms());
}

BOOST_AUTO_TEST_CASE(a_term_that_is_not_known_makes_no_prediction) {
  PlacementView view = view_of({facts("a", 4), facts("b", 4), facts("c", 4), facts("d", 4)});
  view.nodes[0].measured.reset();
  view.nodes[1].measured->rate_mbit.reset();
  view.nodes[2].measured->reachable = false;
  view.nodes[3].service = {};
  for (const NodeFacts& node : view.nodes) BOOST_TEST(!predict(view, node).has_value(), node.name);
  BOOST_TEST((decide(view) == Plan{}));
}

BOOST_AUTO_TEST_CASE(the_lowest_total_serves_and_the_next_stands_by) {
  const PlacementView view = view_of({facts("a", 30), facts("b", 10), facts("c", 20)});
  const Plan plan = decide(view);
  BOOST_TEST(name_in(view, plan.serving) == "b");
  BOOST_TEST(name_in(view, plan.standby) == "c");
}

BOOST_AUTO_TEST_CASE(totals_within_the_larger_error_are_equal_and_the_list_decides) {
  struct Row {
    const char* name;
    std::vector<NodeFacts> nodes;
    const char* serving;
    const char* standby;
  };
  const auto with = [](NodeFacts node, std::uint32_t failures, std::uint32_t losses, std::uint32_t instances) {
    node.failures = failures;
    node.losses = losses;
    node.instances = instances;
    return node;
  };
  const Row rows[] = {
      {"beyond the errors the lower one", {facts("a", 5.3, 0.2), facts("b", 5.0, 0.2)}, "b", "a"},
      {"exactly the error apart is not equal", {facts("a", 6, 1), facts("b", 5, 1)}, "b", "a"},
      {"within the errors the id", {facts("a", 5.1, 0.2), facts("b", 5.0, 0.2)}, "a", "b"},
      {"the larger error counts", {facts("a", 6.0, 0.1), facts("b", 5.0, 2)}, "a", "b"},
      {"failures come first", {with(facts("a", 5.0), 1, 0, 0), with(facts("b", 5.05), 0, 9, 9)}, "b", "a"},
      {"then losses", {with(facts("a", 5.0), 1, 2, 0), with(facts("b", 5.05), 1, 1, 9)}, "b", "a"},
      {"then instances", {with(facts("a", 5.0), 0, 0, 2), with(facts("b", 5.05), 0, 0, 1)}, "b", "a"},
      {"none of it beyond the errors", {with(facts("a", 5.0), 9, 9, 9), facts("b", 9)}, "a", "b"},
      // 5.0 and 5.9 are equal, 5.9 and 6.8 are, 5.0 and 6.8 are not: c is out although it has the best record.
      {"equal to the lowest, not along a chain",
       {with(facts("a", 5.0, 1), 2, 0, 0), with(facts("b", 5.9, 1), 1, 0, 0), facts("c", 6.8, 1)}, "b", "a"},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const PlacementView view = view_of(row.nodes);
      const Plan plan = decide(view);
      BOOST_TEST(name_in(view, plan.serving) == row.serving);
      BOOST_TEST(name_in(view, plan.standby) == row.standby);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_standby_is_feasible_itself_or_there_is_none) {
  PlacementView view = view_of({facts("a", 5), facts("b", 99)});
  BOOST_TEST(name_in(view, decide(view).standby) == "none");
  view.spec.contract.deadline_ms.reset();
  BOOST_TEST(name_in(view, decide(view).standby) == "b");
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_kept_and_a_better_node_moves_nothing) {
  PlacementView view = view_of({facts("a", 50), facts("b", 5), facts("c", 10)});
  view.keep_serving = node_id("a");
  BOOST_TEST(name_in(view, decide(view).serving) == "a");
  BOOST_TEST(name_in(view, decide(view).standby) == "b");
  view.keep_standby = node_id("c");
  BOOST_TEST(name_in(view, decide(view).standby) == "c");
}

BOOST_AUTO_TEST_CASE(an_estimate_by_benchmark_is_chosen_only_where_the_view_allows_it) {
  PlacementView view = view_of({facts("a", 5)});
  view.nodes[0].service = {ServiceEstimate::Basis::scaled, 10, 5};
  BOOST_TEST(name_in(view, decide(view).serving) == "none");
  view.estimates_allowed = true;
  BOOST_TEST(name_in(view, decide(view).serving) == "a");
}

BOOST_AUTO_TEST_CASE(trials_go_to_the_nearest_of_each_class_and_then_to_the_nearest) {
  const auto untried = [](const std::string& name, double rtt_ms, const std::string& device_class) {
    NodeFacts out = facts(name, rtt_ms);
    out.service = {};
    out.device_class = device_class;
    return out;
  };
  const auto names = [](const PlacementView& view) {
    std::string out;
    for (const NodeId& id : trial_candidates(view)) out += (out.empty() ? "" : ",") + name_in(view, id);
    return out;
  };
  PlacementView view = view_of({untried("a", 1, "slow"), untried("b", 2, "slow"), untried("c", 3, "slow"),
                                untried("d", 4, "slow"), untried("e", 5, "fast")});
  BOOST_TEST(names(view) == "a,e,b");
  view.nodes[4].measured->rtt_ms = 100;
  BOOST_TEST(names(view) == "a,b,c");  // e is beyond the deadline by its way alone
  view.nodes[0].service = {ServiceEstimate::Basis::own, 1, 1};
  view.nodes[1].memory_left_mib = 1;
  view.nodes[2].measured->rate_mbit.reset();
  BOOST_TEST(names(view) == "d");
  view.spec.contract.deadline_ms.reset();
  BOOST_TEST(names(view) == "d,e");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

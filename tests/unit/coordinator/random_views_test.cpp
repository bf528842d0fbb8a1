// decide() and explain() are written apart, one for speed and one for reasons. Here they must agree on thousands of views.
#include <boost/test/unit_test.hpp>

#include <set>

#include "common/base/prng.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/coordinator/views.hpp"

namespace proxima::coordinator::test {
namespace {

/// True once in `n` draws.
bool one_in(Prng& random, std::uint64_t n) { return random.below(n) == 0; }

NodeFacts random_node(Prng& random, const std::string& name) {
  // Few distinct figures, so that totals tie and constraints fail at their edges.
  NodeFacts out = facts(name, static_cast<double>(random.below(6)) * 10, static_cast<double>(random.below(4)) * 5 + 0.1);
  if (one_in(random, 8)) out.state = one_in(random, 2) ? NodeState::lost : NodeState::silent;
  if (one_in(random, 10)) out.build_error = "no compiler";
  if (one_in(random, 12)) out.isolation = protocol::Isolation::none;
  if (one_in(random, 2)) out.functions = {"vision"};
  out.memory_left_mib = static_cast<double>(random.below(4)) * 16;
  out.instances = one_in(random, 10) ? limits::instances_per_node : static_cast<std::uint32_t>(random.below(3));
  if (one_in(random, 12)) out.owner_refusal = "busy";
  if (one_in(random, 12)) out.failure = "a trap";
  if (one_in(random, 8)) out.measured.reset();
  if (out.measured && one_in(random, 10)) out.measured->reachable = false;
  if (out.measured && one_in(random, 6)) out.measured->rate_mbit.reset();
  if (out.measured && out.measured->rate_mbit && one_in(random, 2)) out.measured->rate_mbit = 50;
  if (one_in(random, 4)) out.service.basis = static_cast<ServiceEstimate::Basis>(random.below(4));
  if (one_in(random, 4)) out.service.mean_ms = 60;
  out.load = static_cast<double>(random.below(6)) / 4;
  out.load_error = static_cast<double>(random.below(3)) / 20;
  out.failures = static_cast<std::uint32_t>(random.below(2));
  out.losses = static_cast<std::uint32_t>(random.below(2));
  return out;
}

PlacementView random_view(Prng& random) {
  PlacementView view = view_of({});
  const std::uint64_t count = random.below(9);
  for (std::uint64_t i = 0; i < count; ++i) view.nodes.push_back(random_node(random, std::string(1, static_cast<char>('a' + i))));
  if (one_in(random, 3)) view.spec.functions = {"vision"};
  if (one_in(random, 4)) view.spec.contract.deadline_ms.reset();
  if (one_in(random, 4)) view.spec.contract.p95_ms = 60;
  if (one_in(random, 6)) view.spec.pinned_node = "b";
  view.spec.memory_mib = one_in(random, 2) ? 16 : 1;
  view.estimates_allowed = one_in(random, 2);
  if (count > 0 && one_in(random, 3)) {
    view.keep_serving = view.nodes[random.below(count)].id;
    if (const NodeId other = view.nodes[random.below(count)].id; other != *view.keep_serving && one_in(random, 2))
      view.keep_standby = other;
  }
  return view;
}

BOOST_AUTO_TEST_SUITE(random_views)

BOOST_AUTO_TEST_CASE(decide_and_explain_agree) {
  std::size_t placed = 0;
  std::size_t with_standby = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Prng random(seed);
    const PlacementView view = random_view(random);
    const Plan plan = decide(view);
    const Decision decision = explain(view);
    BOOST_REQUIRE_MESSAGE((plan == Plan{decision.serving, decision.standby}), "seed " << seed);
    placed += plan.serving ? 1U : 0U;
    with_standby += plan.standby ? 1U : 0U;

    BOOST_REQUIRE_MESSAGE(decision.candidates.size() == view.nodes.size(), "seed " << seed);
    std::set<NodeId> feasible;
    for (const Candidate& candidate : decision.candidates) {
      BOOST_REQUIRE_MESSAGE(candidate.feasible == candidate.blocked.empty(), "seed " << seed);
      BOOST_REQUIRE_MESSAGE(!candidate.feasible || candidate.terms, "seed " << seed);
      if (candidate.feasible) feasible.insert(candidate.node);
    }
    if (plan.serving && !view.keep_serving) BOOST_REQUIRE_MESSAGE(feasible.contains(*plan.serving), "seed " << seed);
    if (plan.standby && !view.keep_standby) BOOST_REQUIRE_MESSAGE(feasible.contains(*plan.standby), "seed " << seed);
    BOOST_REQUIRE_MESSAGE(!plan.standby || plan.standby != plan.serving, "seed " << seed);
    if (!plan.serving) BOOST_REQUIRE_MESSAGE(feasible.empty(), "seed " << seed);
  }
  BOOST_TEST(placed > 5'000U);  // the views are neither all hopeless nor all easy
  BOOST_TEST(placed < 19'000U);
  BOOST_TEST(with_standby > 2'000U);
}

BOOST_AUTO_TEST_CASE(the_counterfactual_holds_in_every_view) {
  std::size_t shown = 0;
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    Prng random(seed);
    PlacementView view = random_view(random);
    view.keep_serving.reset();
    view.keep_standby.reset();
    for (const Candidate& candidate : explain(view).candidates) {
      if (!candidate.fits_if_deadline_ms) continue;
      ++shown;
      PlacementView other = view;
      other.spec.contract.deadline_ms = *candidate.fits_if_deadline_ms;
      BOOST_REQUIRE_MESSAGE(row(explain(other), candidate.name).feasible, "seed " << seed);
      other.spec.contract.deadline_ms = *candidate.fits_if_deadline_ms - 0.01;
      BOOST_REQUIRE_MESSAGE(!row(explain(other), candidate.name).feasible, "seed " << seed);
    }
  }
  BOOST_TEST(shown > 100U);
}

BOOST_AUTO_TEST_CASE(trials_are_bounded_and_only_where_nothing_else_is_in_the_way) {
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    Prng random(seed);
    const PlacementView view = random_view(random);
    const auto chosen = trial_candidates(view);
    BOOST_REQUIRE(chosen.size() <= limits::trial_nodes);
    BOOST_REQUIRE((std::set<NodeId>(chosen.begin(), chosen.end()).size() == chosen.size()));
    for (const NodeFacts& node : view.nodes)
      if (std::find(chosen.begin(), chosen.end(), node.id) != chosen.end())
        BOOST_REQUIRE(admits(view, node) && !node.service.learnt());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

#include <boost/test/unit_test.hpp>

#include <vector>

#include "common/protocol/limits.hpp"
#include "coordinator/core/placement/service_table.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

using Basis = ServiceEstimate::Basis;
const ServiceKey detect_key{"detect", digest_of(2)};
const NodeId rig = node_id("idle-rig");
const NodeId phone = node_id("phone");
const NodeId cloud = node_id("rack-cloud");
const Machine fast{"fast @ 100 %", 5'000};
const Machine slow{"slow @ 100 %", 20'000};

BOOST_AUTO_TEST_SUITE(service)

BOOST_AUTO_TEST_CASE(a_figure_is_the_median_with_an_error_of_at_least_a_quarter) {
  const struct {
    const char* name;
    std::vector<double> runs;
    double mean_ms;
    double error_ms;
  } rows[] = {
      {"one run", {100}, 100, 25},
      {"one run gone astray does not count", {100, 100, 400}, 100, 25},
      {"spread beyond the floor", {60, 100, 140}, 100, 59.2},
      {"an even number", {1, 3}, 2, 1.48},
      {"short tasks have a floor of their own", {0.1, 0.1, 0.1}, 0.1, 0.05},
  };
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const Figure figure = figure_of(row.runs);
      BOOST_TEST(figure.mean_ms == row.mean_ms, boost::test_tools::tolerance(1e-9));
      BOOST_TEST(figure.error_ms == row.error_ms, boost::test_tools::tolerance(1e-9));
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_known_before_anybody_ran_it) {
  const ServiceTable table;
  BOOST_TEST((table.estimate(detect_key, rig, fast).basis == Basis::unknown));
}

BOOST_AUTO_TEST_CASE(nodes_of_one_class_share_one_figure_while_theirs_agree_within_the_errors) {
  ServiceTable table;
  table.learn(detect_key, rig, fast, {105, 5});
  table.learn(detect_key, phone, fast, {108, 5});
  const auto one = table.estimate(detect_key, rig, fast);
  for (const NodeId& node : {rig, phone, cloud}) {
    const auto other = table.estimate(detect_key, node, fast);
    BOOST_TEST((other.basis == Basis::device_class));
    BOOST_TEST(other.mean_ms == one.mean_ms);
  }
}

BOOST_AUTO_TEST_CASE(a_node_keeps_its_own_figure_when_it_differs_beyond_both_errors) {
  ServiceTable table;
  table.learn(detect_key, rig, fast, {105, 5});
  table.learn(detect_key, phone, fast, {525, 26});
  BOOST_TEST((table.estimate(detect_key, phone, fast).basis == Basis::own));
  BOOST_TEST(table.estimate(detect_key, phone, fast).mean_ms == 525);
  BOOST_TEST(table.estimate(detect_key, rig, fast).mean_ms == 105);
  BOOST_TEST(table.estimate(detect_key, cloud, fast).mean_ms == 105);
}

BOOST_AUTO_TEST_CASE(another_class_is_estimated_by_the_benchmark_with_half_of_it_as_error) {
  ServiceTable table;
  table.learn(detect_key, rig, fast, {100, 5});
  const auto estimate = table.estimate(detect_key, phone, slow);
  BOOST_TEST((estimate.basis == Basis::scaled));
  BOOST_TEST(estimate.mean_ms == 400, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(estimate.error_ms == 200, boost::test_tools::tolerance(1e-9));
  BOOST_TEST((table.estimate(detect_key, phone, {"slow @ 100 %", 0}).basis == Basis::unknown));
}

BOOST_AUTO_TEST_CASE(what_was_learnt_under_another_share_of_the_cpu_is_not_the_nodes_own_any_more) {
  ServiceTable table;
  table.learn(detect_key, rig, {"fast @ 20 %", 25'000}, {525, 26});
  BOOST_TEST((table.estimate(detect_key, rig, fast).basis == Basis::scaled));
  BOOST_TEST(table.estimate(detect_key, rig, fast).mean_ms == 105, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_module_of_the_same_name_is_another_task) {
  ServiceTable table;
  table.learn(detect_key, rig, fast, {105, 5});
  BOOST_TEST((table.estimate({"detect", digest_of(3)}, rig, fast).basis == Basis::unknown));
}

BOOST_AUTO_TEST_CASE(the_oldest_task_is_forgotten_when_the_table_is_full) {
  ServiceTable table;
  table.learn(detect_key, rig, fast, {105, 5});
  for (std::size_t i = 0; i < limits::learnt_tasks; ++i) table.learn({"t" + std::to_string(i), digest_of(1)}, rig, fast, {1, 1});
  BOOST_TEST((table.estimate(detect_key, rig, fast).basis == Basis::unknown));
  BOOST_TEST((table.estimate({"t0", digest_of(1)}, rig, fast).basis == Basis::device_class));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

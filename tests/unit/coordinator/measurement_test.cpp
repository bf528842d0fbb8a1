#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "common/protocol/limits.hpp"
#include "coordinator/core/proximity/measurement_table.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

constexpr TaskId task{7};
const NodeId node = node_id("phone");
const double nan = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

BOOST_AUTO_TEST_SUITE(measurement)

BOOST_AUTO_TEST_CASE(the_freshest_measurement_counts_per_task) {
  MeasurementTable table;
  table.apply(task, {{node, true, 4, 0.5, 20.0, 1}});
  table.apply(TaskId{8}, {{node, true, 9, 0.5, std::nullopt, 0}});
  table.apply(task, {{node, true, 5, 0.5, 30.0, 1}});
  BOOST_TEST(table.find(task, node)->rtt_ms == 5);
  BOOST_TEST(table.find(TaskId{8}, node)->rtt_ms == 9);
  table.forget(task);
  BOOST_TEST(table.find(task, node) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_round_without_a_transfer_keeps_the_last_rate_but_not_for_a_node_out_of_reach) {
  MeasurementTable table;
  table.apply(task, {{node, true, 4, 0.5, 20.0, 1}});
  table.apply(task, {{node, true, 6, 0.5, std::nullopt, 0}});
  BOOST_TEST(table.find(task, node)->rate_mbit.value() == 20);
  table.apply(task, {{node, false, 0, 0, std::nullopt, 0}});
  BOOST_TEST(!table.find(task, node)->rate_mbit.has_value());
}

BOOST_AUTO_TEST_CASE(no_error_is_below_a_tenth_of_a_millisecond) {
  MeasurementTable table;
  table.apply(task, {{node, true, 4, 0, std::nullopt, 0}});
  BOOST_TEST(table.find(task, node)->rtt_error_ms == 0.1);
}

BOOST_AUTO_TEST_CASE(figures_that_no_measurement_gives_are_refused) {
  const struct {
    const char* name;
    NodeMeasurement measurement;
    bool fine;
  } rows[] = {
      {"a good one", {node, true, 4, 0.5, 20.0, 1}, true},
      {"no rate", {node, true, 4, 0.5, std::nullopt, nan}, true},
      {"out of reach, so its times do not count", {node, false, nan, -1, std::nullopt, 0}, true},
      {"rtt is not a number", {node, true, nan, 0.5, std::nullopt, 0}, false},
      {"rtt is infinite", {node, true, infinity, 0.5, std::nullopt, 0}, false},
      {"rtt is negative", {node, true, -1, 0.5, std::nullopt, 0}, false},
      {"error is not a number", {node, true, 4, nan, std::nullopt, 0}, false},
      {"rate is zero", {node, true, 4, 0.5, 0.0, 0}, false},
      {"rate is not a number", {node, true, 4, 0.5, nan, 0}, false},
      {"rate error is negative", {node, true, 4, 0.5, 20.0, -1}, false},
  };
  for (const auto& row : rows) BOOST_TEST_CONTEXT(row.name) { BOOST_TEST(check({row.measurement}).has_value() == row.fine); }
  BOOST_TEST(!check(std::vector<NodeMeasurement>(limits::candidates + 1)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

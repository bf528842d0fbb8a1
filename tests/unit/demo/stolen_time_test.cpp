#include <boost/test/unit_test.hpp>

#include "sdk/cli/demo/stolen_time.hpp"

namespace {

using namespace proxima::demo;

BOOST_AUTO_TEST_CASE(the_stolen_share_is_read_from_the_first_line) {
  const struct {
    const char* before;
    const char* after;
    double percent;
  } rows[] = {
      {"cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1 2 3", "cpu  20 0 20 150 0 0 0 10 0 0\n", 10},
      {"cpu  10 0 10 80 0 0 0 5 9 9", "cpu  60 0 10 80 0 0 0 55 99 99", 50},
      {"cpu  10 0 10 80 0 0 0 5", "cpu  10 0 10 80 0 0 0 5", 0},        // nothing passed
      {"cpu  10 0 10 80 0 0 0 5", "cpu  90 0 10 80 0 0 0 4", 0},        // it never goes back
      {"intr 5", "no line", 0},
      {"", "cpu", 0},
  };
  for (const auto& row : rows)
    BOOST_TEST(stolen_percent(parse_processor_ticks(row.before), parse_processor_ticks(row.after)) == row.percent, row.after);
  BOOST_TEST(processor_ticks().total > 0U);
}

}  // namespace

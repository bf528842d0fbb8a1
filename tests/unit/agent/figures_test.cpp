#include <boost/test/unit_test.hpp>

#include <vector>

#include "agent/core/figures.hpp"

namespace proxima::tests {

BOOST_AUTO_TEST_SUITE(figures)

BOOST_AUTO_TEST_CASE(mean_and_error_of_the_window) {
  struct Row {
    const char* name;
    std::vector<std::uint32_t> execute_us;
    std::uint32_t mean, error;
  };
  const Row rows[] = {
      {"nothing", {}, 0, 0},
      {"one", {700}, 700, 0},
      {"two equal", {700, 700}, 700, 0},
      {"three", {100, 200, 400}, 233, 148},           // median 200, deviations 100 0 200, their median 100
      {"one outlier does not move the error", {100, 100, 100, 100, 1'000'000}, 200'080, 0},
      {"the largest numbers", {0xffffffffU, 0xffffffffU}, 0xffffffffU, 0},
      {"far apart", {0, 0, 0xffffffffU, 0xffffffffU, 0xfffffffeU}, 2576980377U, 1},
  };
  for (const Row& row : rows) {
    agent::Figures figures;
    for (const std::uint32_t us : row.execute_us) figures.add(us, us / 2);
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(figures.mean_execute_us() == row.mean);
      BOOST_TEST(figures.error_execute_us() == row.error);
      BOOST_TEST(figures.frames() == row.execute_us.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(only_the_last_64_count) {
  agent::Figures figures;
  for (int i = 0; i < 1000; ++i) figures.add(5'000'000, 9'000'000);
  for (std::size_t i = 0; i < agent::figures_window; ++i) figures.add(100, 10);
  BOOST_TEST(figures.mean_execute_us() == 100U);
  BOOST_TEST(figures.mean_queue_us() == 10U);
  BOOST_TEST(figures.error_execute_us() == 0U);
  BOOST_TEST(figures.frames() == 1064U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

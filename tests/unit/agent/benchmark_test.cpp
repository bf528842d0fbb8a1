#include <boost/test/unit_test.hpp>

#include "agent/core/benchmark.hpp"

namespace proxima::tests {

BOOST_AUTO_TEST_SUITE(benchmark)

BOOST_AUTO_TEST_CASE(the_reference_kernel_does_the_same_work_everywhere) {
  BOOST_TEST(agent::reference_kernel(1) == agent::reference_kernel_of_one);
  BOOST_TEST(agent::reference_kernel(2) != agent::reference_kernel_of_one);
}

BOOST_AUTO_TEST_CASE(a_share_of_the_cpu_makes_the_time_longer) {
  BOOST_TEST(agent::scaled_benchmark_us(5000, 100) == 5000U);
  BOOST_TEST(agent::scaled_benchmark_us(5000, 20) == 25'000U);
  BOOST_TEST(agent::scaled_benchmark_us(5000, 1) == 500'000U);
  BOOST_TEST(agent::scaled_benchmark_us(5000, 0) == 500'000U);
  BOOST_TEST(agent::scaled_benchmark_us(0xffffffffULL, 1) == 0xffffffffU);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

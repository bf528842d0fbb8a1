#include <boost/test/unit_test.hpp>

#include <string>

#include "agent/core/echo_gate.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

unsigned admitted(agent::EchoGate& gate, const std::string& source, unsigned asked, Instant now) {
  unsigned count = 0;
  for (unsigned i = 0; i < asked; ++i) count += gate.admits(source, now) ? 1U : 0U;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(echo_gate)

BOOST_AUTO_TEST_CASE(one_source_gets_its_burst_and_then_its_rate) {
  agent::EchoGate gate({200, 2000, 256}, at_ms(0));
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(0)) == 200U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(0)) == 0U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(5)) == 1U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(505)) == 100U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(100'000)) == 200U);  // no more than a second's worth is saved up
}

BOOST_AUTO_TEST_CASE(a_loud_source_takes_nothing_from_a_quiet_one) {
  agent::EchoGate gate({200, 2000, 256}, at_ms(0));
  BOOST_TEST(admitted(gate, "loud", 1000, at_ms(0)) == 200U);
  BOOST_TEST(admitted(gate, "quiet", 10, at_ms(0)) == 10U);
}

BOOST_AUTO_TEST_CASE(all_sources_together_are_bounded) {
  agent::EchoGate gate({200, 2000, 256}, at_ms(0));
  unsigned sum = 0;
  for (int i = 0; i < 100; ++i) sum += admitted(gate, "s" + std::to_string(i), 200, at_ms(0));
  BOOST_TEST(sum == 2000U);
}

BOOST_AUTO_TEST_CASE(what_is_refused_overall_costs_a_source_nothing) {
  agent::EchoGate gate({10, 20, 256}, at_ms(0));
  for (int i = 0; i < 2; ++i) BOOST_TEST(admitted(gate, "s" + std::to_string(i), 10, at_ms(0)) == 10U);
  BOOST_TEST(admitted(gate, "late", 100, at_ms(0)) == 0U);
  BOOST_TEST(admitted(gate, "late", 100, at_ms(1000)) == 10U);
}

BOOST_AUTO_TEST_CASE(the_table_of_sources_is_bounded_and_forgets_the_silent) {
  agent::EchoGate gate({2, 1'000'000, 8}, at_ms(0));
  BOOST_TEST(admitted(gate, "kept", 5, at_ms(50)) == 2U);
  for (int i = 0; i < 1000; ++i) {
    BOOST_TEST_REQUIRE(gate.admits("s" + std::to_string(i), at_ms(i < 4 ? i : 60)));
    BOOST_TEST_REQUIRE(gate.sources() <= 8U);
  }
}

BOOST_AUTO_TEST_CASE(a_clock_that_stands_or_steps_back_gives_nothing_away) {
  agent::EchoGate gate({200, 2000, 256}, at_ms(1000));
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(1000)) == 200U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(10)) == 0U);
  BOOST_TEST(admitted(gate, "a", 1000, at_ms(1000)) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

// The clock that only counts time in which this process ran.
#include <boost/test/unit_test.hpp>

#include "sdk/core/session.hpp"

namespace proxima::stream {

BOOST_AUTO_TEST_SUITE(run_clock)

BOOST_AUTO_TEST_CASE(waking_in_time_counts_all_of_it_and_waking_late_only_the_slack) {
  struct Row { const char* name; std::int64_t expected_ms; std::int64_t woken_ms; std::int64_t counted_ms; };
  const Row rows[] = {{"an event before the deadline", 50, 20, 20},
                      {"at the deadline", 50, 50, 50},
                      {"a little late", 50, 58, 58},
                      {"much too late", 50, 500, 60},
                      {"a deadline that had passed already", 0, 100, 10}};
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      RunClock clock;
      clock.advance(Instant{0}, Instant::never());
      clock.advance(Instant{0} + Duration::millis(row.woken_ms), Instant{0} + Duration::millis(row.expected_ms));
      BOOST_TEST(clock.now().ns == Duration::millis(row.counted_ms).ns);
      BOOST_TEST((clock.judge_from() > clock.now()) == (row.counted_ms < row.woken_ms));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_a_deadline_any_wait_is_our_own_choice_and_counts) {
  RunClock clock;
  clock.advance(Instant{0}, Instant::never());
  clock.advance(Instant{0} + Duration::seconds(9), Instant::never());
  BOOST_TEST(clock.now().ns == Duration::seconds(9).ns);
}

BOOST_AUTO_TEST_CASE(time_that_goes_backwards_counts_nothing) {
  RunClock clock;
  clock.advance(Instant{1000}, Instant::never());
  clock.advance(Instant{500}, Instant::never());
  BOOST_TEST(clock.now().ns == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::stream

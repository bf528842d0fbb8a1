#include <boost/test/unit_test.hpp>

#include "agent/core/region_link.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

agent::RegionLink link_of(std::uint64_t incarnation = 7) {
  protocol::Birth birth;
  birth.incarnation = incarnation;
  return {birth, Duration::seconds(1), Duration::seconds(10)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(region_link)

BOOST_AUTO_TEST_CASE(only_a_newer_desired_state_is_obeyed) {
  struct Row {
    const char* name;
    std::uint64_t term, generation;
    bool obeyed;
  };
  const Row rows[] = {
      {"the first, whatever it is", 3, 5, true}, {"the same again", 3, 5, false},
      {"an older generation, late", 3, 4, false}, {"the next", 3, 6, true},
      {"a gap", 3, 60, true},                     {"a new coordinator counts from one", 4, 1, true},
      {"the old coordinator, late", 3, 61, false}, {"its duplicate", 4, 1, false},
      {"the new one's next", 4, 2, true},
  };
  agent::RegionLink link = link_of();
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) { BOOST_TEST(link.obeys(desired(row.term, row.generation, {})) == row.obeyed); }
  }
}

BOOST_AUTO_TEST_CASE(the_first_desired_state_may_be_generation_zero_of_term_zero) {
  agent::RegionLink link = link_of();
  BOOST_TEST(link.obeys(desired(0, 0, {})));
  BOOST_TEST(!link.obeys(desired(0, 0, {})));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_without_a_connection) {
  agent::RegionLink link = link_of();
  agent::Effects out;
  link.beat({}, at_ms(0), out);
  link.leave(out);
  BOOST_TEST(out.empty());
  BOOST_TEST(link.next_beat(true).is_never());
  link.connected(out);
  BOOST_REQUIRE(out.size() == 1U);
  BOOST_TEST(std::get<protocol::Birth>(all_of<agent::PublishPresence>(out)[0].presence).incarnation == 7U);
  link.lost();
  BOOST_TEST(link.next_beat(true).is_never());
}

BOOST_AUTO_TEST_CASE(beats_come_each_second_while_serving_and_each_ten_when_idle) {
  agent::RegionLink link = link_of();
  agent::Effects out;
  link.connected(out);
  link.beat({}, at_ms(500), out);
  BOOST_TEST(link.next_beat(true).ns == at_ms(1500).ns);
  BOOST_TEST(link.next_beat(false).ns == at_ms(10500).ns);
}

BOOST_AUTO_TEST_CASE(a_beat_tells_the_share_of_cpu_since_the_last_one) {
  agent::RegionLink link = link_of();
  agent::Effects out;
  link.connected(out);
  agent::Load load;
  link.beat(load, at_ms(1000), out);
  load.cpu_us = 250'000;
  link.beat(load, at_ms(2000), out);
  link.beat(load, at_ms(3000), out);
  load.cpu_us += 9'000'000;  // nine cores: more than a byte's worth of percent
  link.beat(load, at_ms(4000), out);
  const auto beats = all_of<agent::PublishBeat>(out);
  BOOST_REQUIRE(beats.size() == 4U);
  BOOST_TEST(beats[1].beat.cpu_percent_used == 25);
  BOOST_TEST(beats[2].beat.cpu_percent_used == 0);
  BOOST_TEST(beats[3].beat.cpu_percent_used == 255);
  BOOST_TEST(beats[3].beat.sequence == 4U);
}

BOOST_AUTO_TEST_CASE(a_clean_leave_says_lost_with_its_incarnation) {
  agent::RegionLink link = link_of(9);
  agent::Effects out;
  link.connected(out);
  out.clear();
  link.leave(out);
  const auto said = all_of<agent::PublishPresence>(out);
  BOOST_REQUIRE(said.size() == 1U);
  BOOST_TEST(std::get<protocol::Lost>(said[0].presence).incarnation == 9U);
  BOOST_TEST(!link.is_connected());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

#include <boost/test/unit_test.hpp>

#include "common/protocol/limits.hpp"
#include "coordinator/core/membership/membership_table.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

const NodeId node = node_id("kitchen-router");
constexpr Instant start{1'000};

protocol::Birth birth(std::uint64_t incarnation) {
  protocol::Birth out;
  out.incarnation = incarnation;
  out.name = "kitchen-router";
  return out;
}

protocol::Beat beat(std::uint64_t incarnation, std::uint32_t sequence) {
  protocol::Beat out;
  out.incarnation = incarnation;
  out.sequence = sequence;
  return out;
}

BOOST_AUTO_TEST_SUITE(membership)

BOOST_AUTO_TEST_CASE(a_node_appears_with_its_birth_and_is_lost_with_its_will) {
  MembershipTable table;
  BOOST_TEST((table.apply_beat(node, beat(1, 1), start) == Heard::ignored));
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::appeared));
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::known));
  BOOST_TEST(table.apply_lost(node, 1));
  BOOST_TEST(!table.apply_lost(node, 1));
  BOOST_TEST((table.find(node)->state == NodeState::lost));
  BOOST_TEST(table.find(node)->losses == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_of_an_earlier_life_neither_revives_nor_kills) {
  MembershipTable table;
  table.apply_birth(node, birth(1), start);
  BOOST_TEST((table.apply_birth(node, birth(2), start) == Heard::restarted));
  BOOST_TEST(!table.apply_lost(node, 1));
  BOOST_TEST((table.find(node)->state == NodeState::present));
  BOOST_TEST(table.apply_lost(node, 2));
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::ignored));
  BOOST_TEST((table.apply_beat(node, beat(1, 9), start) == Heard::ignored));
  BOOST_TEST((table.apply_sign(node, 1, start) == Heard::ignored));
  BOOST_TEST((table.find(node)->state == NodeState::lost));
  BOOST_TEST(table.find(node)->birth.incarnation == 2U);
}

BOOST_AUTO_TEST_CASE(a_will_of_a_life_that_was_never_seen_kills_nobody) {
  MembershipTable table;
  table.apply_birth(node, birth(1), start);
  BOOST_TEST(!table.apply_lost(node, 77));
  BOOST_TEST((table.find(node)->state == NodeState::present));
}

BOOST_AUTO_TEST_CASE(the_same_life_comes_back_by_birth_or_beat_but_not_by_an_event_that_waited) {
  MembershipTable table;
  table.apply_birth(node, birth(1), start);
  table.apply_lost(node, 1);
  BOOST_TEST((table.apply_sign(node, 1, start) == Heard::known));
  BOOST_TEST((table.find(node)->state == NodeState::lost));
  BOOST_TEST((table.apply_beat(node, beat(1, 5), start) == Heard::returned));
  table.apply_silence(node);
  BOOST_TEST((table.apply_sign(node, 1, start) == Heard::returned));
  table.apply_lost(node, 1);
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::returned));
}

BOOST_AUTO_TEST_CASE(a_beat_that_comes_twice_or_late_is_stale_and_the_counter_may_wrap) {
  MembershipTable table;
  table.apply_birth(node, birth(1), start);
  BOOST_TEST((table.apply_beat(node, beat(1, 0xfffffffe), start) == Heard::known));
  BOOST_TEST((table.apply_beat(node, beat(1, 0xfffffffe), start) == Heard::ignored));
  BOOST_TEST((table.apply_beat(node, beat(1, 3), start) == Heard::known));
  BOOST_TEST((table.apply_beat(node, beat(1, 0xffffffff), start) == Heard::ignored));
}

BOOST_AUTO_TEST_CASE(the_memory_of_earlier_lives_is_bounded) {
  MembershipTable table;
  for (std::uint64_t life = 1; life <= 100; ++life) table.apply_birth(node, birth(life), start);
  BOOST_TEST(table.find(node)->past_incarnations.size() == limits::past_incarnations);
  BOOST_TEST((table.apply_birth(node, birth(99), start) == Heard::ignored));
}

BOOST_AUTO_TEST_CASE(a_full_table_takes_no_new_node) {
  MembershipTable table;
  for (std::size_t i = 0; i < limits::nodes; ++i) table.apply_birth(node_id(std::to_string(i)), birth(1), start);
  BOOST_TEST(table.full());
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::ignored));
  table.forget(node_id("7"));
  BOOST_TEST((table.apply_birth(node, birth(1), start) == Heard::appeared));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

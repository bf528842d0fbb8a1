// What happens to pieces of traffic, in virtual time.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "sdk/netlab/core/direction.hpp"
#include "sdk/netlab/core/wake_lead.hpp"

namespace {

using namespace proxima;
using namespace proxima::netlab;

constexpr Instant start{1'000'000'000};

Instant at(double ms) { return start + Duration::from_ms(ms); }

struct Arrival {
  double ms;
  Release release;
};

// Steps from deadline to deadline, as the loop does, until nothing is left or `end` is reached.
std::vector<Arrival> run(Direction& direction, Instant end = at(60'000)) {
  std::vector<Arrival> arrivals;
  std::vector<Release> due;
  for (Instant now = direction.next_deadline(); now <= end; now = direction.next_deadline()) {
    direction.take_due(now, due);
    for (const Release& release : due) arrivals.push_back({(now - start).ms(), release});
    due.clear();
  }
  return arrivals;
}

std::size_t bytes_in(const std::vector<Arrival>& arrivals) {
  std::size_t sum = 0;
  for (const Arrival& arrival : arrivals) sum += arrival.release.size;
  return sum;
}

struct RateRow {
  const char* name;
  LinkShape shape;
  std::size_t bytes;
  double first_ms;  // arrival of the first piece
  double last_ms;   // arrival of the last
};

const RateRow rate_rows[] = {
    {"no shape at all: at once", {0, 0, 0, 0}, 1'000'000, 0.0, 0.0},
    {"delay alone: half the round trip", {20, 0, 0, 0}, 1'000'000, 10.0, 10.0},
    {"one small piece pays its own size", {20, 0, 0, 1}, 125, 11.0, 11.0},
    {"20 Mbit/s: a frame of 79 kB takes 31.6 ms", {4, 0, 0, 20}, 79'000, 2.5792, 33.6},
    {"500 Mbit/s and 20 ms: 10 MB take 160 ms more", {20, 0, 0, 500}, 10'000'000, 10.023168, 170.0},
    {"0.1 Mbit/s", {0, 0, 0, 0.1}, 1'250, 100.0, 100.0},
};

}  // namespace

BOOST_AUTO_TEST_CASE(pieces_arrive_by_rate_and_delay) {
  for (const RateRow& row : rate_rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Direction direction(row.shape, 1);
      direction.add_bytes(7, row.bytes, start);
      const auto arrivals = run(direction);
      BOOST_TEST_REQUIRE(!arrivals.empty());
      BOOST_TEST(bytes_in(arrivals) == row.bytes);
      BOOST_TEST(arrivals.front().ms == row.first_ms, boost::test_tools::tolerance(0.001));
      BOOST_TEST(arrivals.back().ms == row.last_ms, boost::test_tools::tolerance(0.001));
    }
  }
}

BOOST_AUTO_TEST_CASE(tcp_and_udp_share_one_queue) {
  Direction direction({0, 0, 0, 10}, 1);
  direction.add_bytes(1, 12'500, start);                             // 10 ms of rate
  BOOST_TEST(direction.add_datagram(99, 1'250, start));              // 1 ms behind it
  direction.add_bytes(2, 1'250, start);                              // and one more
  std::vector<Release> due;
  direction.take_due(at(10.5), due);
  BOOST_TEST(due.size() == 1U);
  BOOST_TEST(due.at(0).id == 1U);
  BOOST_TEST(due.at(0).size == 12'500U);
  due.clear();
  direction.take_due(at(11.5), due);
  BOOST_TEST(due.size() == 1U);
  BOOST_CHECK(due.at(0).kind == PieceKind::datagram);
  BOOST_TEST(due.at(0).id == 99U);
  due.clear();
  direction.take_due(at(12.5), due);
  BOOST_TEST(due.size() == 1U);
  BOOST_TEST(due.at(0).id == 2U);
}

BOOST_AUTO_TEST_CASE(a_late_wake_up_sends_all_that_is_due_and_loses_no_rate) {
  Direction direction({20, 0, 0, 100}, 1);
  direction.add_bytes(1, 1'250'000, start);  // 100 ms of rate
  std::vector<Release> due;
  direction.take_due(start, due);
  BOOST_TEST(due.empty());
  direction.take_due(at(60), due);  // asleep until here: 50 ms of rate have arrived
  BOOST_TEST(due.size() == 1U);
  BOOST_TEST(due.at(0).size > 620'000U);
  BOOST_TEST(due.at(0).size <= 625'000U);
  due.clear();
  direction.take_due(at(110), due);  // and the whole by the time it would have been without sleeping
  BOOST_TEST(due.at(0).size >= 625'000U);
  BOOST_CHECK(direction.next_deadline().is_never());
}

BOOST_AUTO_TEST_CASE(marks_keep_their_place_among_the_bytes) {
  Direction direction({10, 0, 0, 8}, 1);
  direction.add_mark(1, PieceKind::open, start);
  direction.add_bytes(1, 5'000, start);
  direction.add_mark(1, PieceKind::finish, start);
  direction.add_bytes(2, 1'000, start);
  direction.add_mark(2, PieceKind::reset, start);
  const auto arrivals = run(direction);
  std::vector<PieceKind> first;
  std::vector<PieceKind> second;
  for (const Arrival& arrival : arrivals) {
    auto& kinds = arrival.release.id == 1 ? first : second;
    if (kinds.empty() || kinds.back() != arrival.release.kind) kinds.push_back(arrival.release.kind);
  }
  BOOST_CHECK((first == std::vector{PieceKind::open, PieceKind::bytes, PieceKind::finish}));
  BOOST_CHECK((second == std::vector{PieceKind::bytes, PieceKind::reset}));
  BOOST_TEST(bytes_in(arrivals) == 6'000U);
  BOOST_TEST(arrivals.front().ms == 5.0);  // a mark has no size: it pays the delay alone
}

BOOST_AUTO_TEST_CASE(what_travels_does_not_count_as_congestion) {
  Direction direction({2000, 0, 0, 500}, 1);
  std::vector<Release> due;
  std::size_t added = 0;
  for (int ms = 0; ms < 900; ++ms) {  // 500 Mbit/s for 0.9 s: all of it is under way, nothing has arrived
    BOOST_TEST_REQUIRE(direction.has_room(1));
    direction.add_bytes(1, 62'500, at(ms));
    added += 62'500;
    direction.take_due(at(ms), due);
  }
  BOOST_TEST(due.empty());
  BOOST_TEST(direction.travelling_bytes() > added - 100'000);
}

BOOST_AUTO_TEST_CASE(what_waits_does) {
  struct Row {
    double rate_mbit;
    std::size_t limit;
  };
  for (const Row& row : {Row{1, 256 * 1024}, Row{40, 256 * 1024}, Row{500, 3'125'000}}) {
    BOOST_TEST_CONTEXT(row.rate_mbit) {
      Direction direction({0, 0, 0, row.rate_mbit}, 1);
      direction.add_bytes(1, row.limit - 1, start);
      BOOST_TEST(direction.has_room(1));
      direction.add_bytes(1, 1, start);
      BOOST_TEST(!direction.has_room(1));
      BOOST_TEST(direction.has_room(2));  // each flow has its own
    }
  }
}

BOOST_AUTO_TEST_CASE(datagrams_that_find_no_room_are_dropped) {
  Direction direction({0, 0, 0, 1}, 1);
  std::size_t taken = 0;
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    if (direction.add_datagram(id, 1000, start)) ++taken;
  }
  BOOST_TEST(taken == min_waiting_bytes / 1000);
  BOOST_TEST(run(direction).size() == taken);
  BOOST_TEST(direction.add_datagram(2000, 1000, at(10'000)));
}

BOOST_AUTO_TEST_CASE(a_change_reaches_what_already_waits) {
  Direction direction({0, 0, 0, 1}, 1);
  direction.add_bytes(1, 125'000, start);  // 1 s at 1 Mbit/s
  std::vector<Release> due;
  direction.take_due(at(100), due);
  direction.set_shape({80, 0, 0, 1000});
  const auto arrivals = run(direction);
  BOOST_TEST_REQUIRE(!arrivals.empty());
  BOOST_TEST(arrivals.back().ms < 100 + 12 + 2 + 40 + 1.0);  // a piece at the old rate, the look-ahead, 0.9 ms, half of 80
  BOOST_TEST(arrivals.back().ms > 140.0);
}

BOOST_AUTO_TEST_CASE(tcp_order_is_kept_when_the_delay_shrinks_and_udp_overtakes) {
  Direction direction({100, 0, 0, 0}, 1);
  std::vector<Release> due;
  direction.add_bytes(1, 100, start);
  BOOST_TEST(direction.add_datagram(50, 100, start));
  direction.take_due(start, due);
  direction.set_shape({0, 0, 0, 0});
  direction.add_bytes(1, 100, at(1));
  BOOST_TEST(direction.add_datagram(51, 100, at(1)));
  direction.take_due(at(1), due);
  BOOST_TEST_REQUIRE(due.size() == 1U);
  BOOST_TEST(due[0].id == 51U);  // the second datagram; TCP waits for its predecessor
  due.clear();
  direction.take_due(at(50), due);
  BOOST_TEST(due.size() == 3U);
  BOOST_TEST(direction.travelling_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(jitter_has_the_asked_mean_and_spread) {
  // One datagram every 10 ms gets a delay of its own. Counts within five standard errors of what N(50, 10/sqrt 2) says.
  constexpr int count = 4000;
  Direction direction({100, 10, 0, 0}, 7);
  std::vector<Release> due;
  std::vector<double> delays;
  for (int i = 0; i < count; ++i) {
    const double sent_ms = 10.0 * i + 5.0;
    BOOST_TEST_REQUIRE(direction.add_datagram(static_cast<std::uint64_t>(i), 64, at(sent_ms)));
    direction.take_due(at(sent_ms), due);
    BOOST_TEST_REQUIRE(due.empty());  // the spread never lets one be due within its own period
    delays.push_back((direction.next_deadline() - at(sent_ms)).ms());
    direction.take_due(direction.next_deadline(), due);
    due.clear();
  }
  double mean = 0;
  int within = 0;
  for (const double delay : delays) {
    mean += delay / count;
    if (std::abs(delay - 50.0) <= 10.0 / std::sqrt(2.0)) ++within;
  }
  BOOST_TEST(std::abs(mean - 50.0) < 5 * 7.07 / std::sqrt(count));
  BOOST_TEST(std::abs(within - 0.683 * count) < 5 * std::sqrt(count * 0.683 * 0.317) + 0.01 * count);
}

BOOST_AUTO_TEST_CASE(jitter_is_one_draw_for_ten_milliseconds_and_never_negative) {
  Direction direction({1, 100, 0, 0}, 3);
  std::vector<Release> due;
  int at_once = 0;
  for (int i = 0; i < 300; ++i) {
    const Instant first = at(10.0 * i + 1);
    BOOST_TEST_REQUIRE(direction.add_datagram(static_cast<std::uint64_t>(2 * i), 64, first));
    BOOST_TEST_REQUIRE(direction.add_datagram(static_cast<std::uint64_t>(2 * i + 1), 64, first));
    direction.take_due(first, due);
    if (due.empty()) {
      const Instant next = direction.next_deadline();
      BOOST_CHECK(next > first);
      direction.take_due(next, due);
    } else {
      ++at_once;
    }
    BOOST_TEST(due.size() == 2U);  // both had the same delay
    due.clear();
  }
  BOOST_TEST(at_once > 100);  // half of a wide spread around 0.5 ms is below 0
  BOOST_TEST(at_once < 200);
}

BOOST_AUTO_TEST_CASE(no_jitter_lets_a_piece_arrive_before_it_has_left) {
  Direction direction({0, 2000, 0, 0.1}, 3);
  for (std::uint64_t id = 1; id <= 50; ++id) BOOST_TEST_REQUIRE(direction.add_datagram(id, 1'250, start));  // 100 ms each
  int early = 0;
  for (const Arrival& arrival : run(direction)) {
    if (arrival.ms < 100.0 * static_cast<double>(arrival.release.id) - 0.001) ++early;
  }
  BOOST_TEST(early == 0);
}

BOOST_AUTO_TEST_CASE(lost_datagrams_are_counted_and_the_rest_arrive) {
  constexpr int count = 10'000;
  Direction direction({0, 0, 5, 0}, 11);
  int lost = 0;
  int arrived = 0;
  std::vector<Release> due;
  for (int i = 0; i < count; ++i) {
    BOOST_TEST_REQUIRE(direction.add_datagram(static_cast<std::uint64_t>(i), 64, at(i)));
    direction.take_due(at(i), due);
  }
  for (const Release& release : due) ++(release.kind == PieceKind::lost_datagram ? lost : arrived);
  BOOST_TEST(lost + arrived == count);
  BOOST_TEST(std::abs(lost - 500) < 5 * 22);
}

BOOST_AUTO_TEST_CASE(loss_of_tcp_is_a_wait_and_waits_overlap) {
  // Every piece is lost once: each waits rtt + 10 ms, all at the same time, so the whole is late by one wait only.
  Direction all({40, 0, 100, 10}, 1);
  all.add_bytes(1, 125'000, start);  // 100 ms
  const auto arrivals = run(all);
  BOOST_TEST(bytes_in(arrivals) == 125'000U);
  BOOST_TEST(arrivals.front().ms > 20 + 50);
  BOOST_TEST(arrivals.back().ms == 100 + 20 + 50, boost::test_tools::tolerance(0.001));

  // One in twenty: nothing is missing, and what follows a lost piece waits for it.
  Direction some({40, 0, 5, 10}, 5);
  some.add_bytes(1, 1'250'000, start);
  const auto mixed = run(some);
  BOOST_TEST(bytes_in(mixed) == 1'250'000U);
  int jumps = 0;
  for (const Arrival& arrival : mixed) jumps += arrival.release.size > 20 * max_piece_bytes ? 1 : 0;
  BOOST_TEST(jumps > 5);
}

BOOST_AUTO_TEST_CASE(a_cut_holds_tcp_and_drops_datagrams) {
  Direction direction({20, 0, 0, 10}, 1);
  std::vector<Release> out;
  direction.add_mark(1, PieceKind::open, start);
  direction.add_bytes(1, 25'000, start);  // 20 ms of rate
  BOOST_TEST(direction.add_datagram(80, 100, start));
  direction.add_mark(1, PieceKind::finish, start);
  direction.take_due(at(15), out);  // some has arrived, some travels, some waits
  std::size_t before = 0;
  for (const Release& release : out) before += release.size;
  BOOST_TEST(before > 0U);
  out.clear();
  direction.cut(out);
  BOOST_TEST(out.size() == 1U);
  BOOST_TEST(out.at(0).id == 80U);
  BOOST_CHECK(out.at(0).kind == PieceKind::lost_datagram);
  out.clear();
  direction.cut(out);  // again: nothing changes
  BOOST_CHECK(direction.next_deadline().is_never());
  direction.take_due(at(5'000), out);
  BOOST_TEST(out.empty());
  BOOST_TEST(!direction.has_room(1));
  BOOST_TEST(!direction.add_datagram(81, 100, at(5'000)));
  BOOST_TEST(direction.waiting_bytes() == 25'000U - before);

  direction.heal(at(6'000));
  const auto arrivals = run(direction);
  BOOST_TEST(bytes_in(arrivals) == 25'000U - before);
  BOOST_TEST(arrivals.front().ms > 6'010.0);  // sent anew: the distance is paid again
  BOOST_TEST(arrivals.back().ms > 6'010.0 + 10.0);
  BOOST_CHECK(arrivals.back().release.kind == PieceKind::finish);
}

BOOST_AUTO_TEST_CASE(what_is_sent_anew_after_a_cut_does_not_wait_for_the_old_way) {
  Direction direction({2000, 0, 0, 0}, 1);
  std::vector<Release> out;
  direction.add_bytes(1, 100, start);
  direction.take_due(start, out);  // would arrive after a second
  direction.cut(out);
  direction.set_shape({10, 0, 0, 0});
  direction.heal(at(20));
  direction.take_due(at(25), out);
  BOOST_TEST(out.size() == 1U);
  BOOST_TEST(direction.has_room(1));
}

BOOST_AUTO_TEST_CASE(what_a_cut_holds_counts_as_waiting) {
  Direction direction({2000, 0, 0, 1}, 1);
  std::vector<Release> out;
  direction.add_bytes(1, min_waiting_bytes - 1, start);
  for (int ms = 0; ms < 500; ++ms) direction.take_due(at(ms), out);  // a part of it travels now
  direction.add_bytes(1, 10, at(500));
  BOOST_TEST(direction.has_room(1));
  direction.cut(out);
  direction.heal(at(600));
  BOOST_TEST(!direction.has_room(1));
  BOOST_TEST(bytes_in(run(direction)) == min_waiting_bytes + 9);
  BOOST_TEST(direction.has_room(1));
}

BOOST_AUTO_TEST_CASE(a_forgotten_flow_leaves_nothing_behind) {
  Direction direction({20, 0, 0, 10}, 1);
  std::vector<Release> out;
  direction.add_bytes(1, 50'000, start);
  direction.add_bytes(2, 1'000, start);
  direction.take_due(at(5), out);
  direction.forget(1);
  BOOST_TEST(direction.waiting_bytes() == 1'000U);
  const auto arrivals = run(direction);
  for (const Arrival& arrival : arrivals) BOOST_TEST(arrival.release.id == 2U);
  BOOST_TEST(bytes_in(arrivals) == 1'000U);
  BOOST_TEST(direction.travelling_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_arrivals_and_other_seeds_others) {
  const auto trace = [](std::uint64_t seed) {
    Direction direction({20, 5, 10, 50}, seed);
    direction.add_bytes(1, 200'000, start);
    std::vector<double> times;
    for (const Arrival& arrival : run(direction)) times.push_back(arrival.ms);
    return times;
  };
  BOOST_CHECK(trace(4) == trace(4));
  BOOST_CHECK(trace(4) != trace(5));
}

BOOST_AUTO_TEST_CASE(the_wake_lead_follows_the_median_and_stays_in_its_bounds) {
  WakeLead lead;
  for (int i = 0; i < 300; ++i) lead.woke(i % 10 == 0 ? Duration::millis(5) : Duration::micros(90));
  BOOST_TEST(std::abs(lead.lead().ns - 90'000) <= 4'000);
  for (int i = 0; i < 300; ++i) lead.woke(Duration::millis(1));
  BOOST_CHECK(lead.lead() == WakeLead::most);
  for (int i = 0; i < 300; ++i) lead.woke(Duration{});
  BOOST_CHECK(lead.lead() == Duration{});
}

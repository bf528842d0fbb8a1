// Loop, Timer, Signals, Inbox.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

#include "common/io/inbox.hpp"
#include "common/io/loop.hpp"
#include "tests/support/run_loop.hpp"

using namespace proxima;

BOOST_AUTO_TEST_CASE(a_timer_fires_once_and_not_before_its_time) {
  io::Loop loop;
  int fired = 0;
  Instant at;
  io::Timer timer(loop, [&] {
    ++fired;
    at = io::Loop::now();
  });
  const Instant start = io::Loop::now();
  timer.once_in(Duration::micros(2'500));
  loop.run();
  BOOST_TEST(fired == 1);
  // libuv's clock has whole milliseconds, so up to one of them may already have passed when it was armed.
  BOOST_TEST((at - start).ns >= Duration::micros(2'000).ns);
  BOOST_TEST(!timer.armed());
}

BOOST_AUTO_TEST_CASE(a_periodic_timer_goes_on_until_cancelled) {
  io::Loop loop;
  int fired = 0;
  io::Timer timer(loop, [&] {
    if (++fired == 3) timer.cancel();
  });
  timer.every(Duration::millis(1));
  loop.run();
  BOOST_TEST(fired == 3);
}

BOOST_AUTO_TEST_CASE(once_at_never_cancels) {
  io::Loop loop;
  int fired = 0;
  io::Timer timer(loop, [&] { ++fired; });
  timer.once_in(Duration::millis(1));
  timer.once_at(Instant::never());
  loop.run();
  BOOST_TEST(fired == 0);
}

BOOST_AUTO_TEST_CASE(a_timer_may_be_destroyed_by_its_own_callback) {
  io::Loop loop;
  const auto witness = std::make_shared<int>(7);
  int seen = 0;
  std::unique_ptr<io::Timer> timer;
  timer = std::make_unique<io::Timer>(loop, [&timer, &seen, witness] {
    timer.reset();
    seen = *witness;  // the callback's own captures must still be there
  });
  timer->once_in({});
  loop.run();
  BOOST_TEST(seen == 7);
  BOOST_TEST(!timer);
}

BOOST_AUTO_TEST_CASE(a_signal_becomes_a_callback) {
  io::Loop loop;
  int caught = 0;
  io::Signals signals(loop, {SIGUSR1, SIGUSR2}, [&](int number) { caught = number; });
  kill(getpid(), SIGUSR2);
  BOOST_TEST(tests::run_until(loop, [&] { return caught != 0; }));
  BOOST_TEST(caught == SIGUSR2);
}

BOOST_AUTO_TEST_CASE(items_of_many_threads_arrive_each_in_its_thread_s_order_and_none_is_lost) {
  constexpr int threads = 4;
  constexpr int each = 5'000;
  io::Loop loop;
  std::vector<int> next(threads, 0);
  int received = 0;
  bool ordered = true;
  io::Inbox<std::pair<int, int>> inbox(loop, threads * each, [&](std::pair<int, int>&& item) {
    ordered = ordered && item.second == next[static_cast<std::size_t>(item.first)]++;
    ++received;
  });
  std::vector<std::thread> producers;
  for (int thread = 0; thread < threads; ++thread) {
    producers.emplace_back([thread, sender = inbox.sender()]() mutable {
      for (int i = 0; i < each; ++i) sender.push({thread, i}, io::WhenFull::report);
    });
  }
  BOOST_TEST(tests::run_until(loop, [&] { return received == threads * each; }));
  for (std::thread& producer : producers) producer.join();
  BOOST_TEST(ordered);
  BOOST_TEST(inbox.dropped() == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_inbox_drops_telemetry_and_counts_it) {
  io::Loop loop;
  std::vector<int> seen;
  bool overflow = false;
  io::Inbox<int> inbox(loop, 2, [&](int&& item) { seen.push_back(item); }, [&] { overflow = true; });
  auto sender = inbox.sender();
  BOOST_TEST(sender.push(1, io::WhenFull::drop));
  BOOST_TEST(sender.push(2, io::WhenFull::drop));
  BOOST_TEST(!sender.push(3, io::WhenFull::drop));
  BOOST_TEST(tests::run_until(loop, [&] { return seen.size() == 2; }));
  BOOST_TEST(inbox.dropped() == 1U);
  BOOST_TEST(!overflow);
}

BOOST_AUTO_TEST_CASE(a_full_inbox_reports_lost_control) {
  io::Loop loop;
  int overflows = 0;
  io::Inbox<int> inbox(loop, 1, [](int&&) {}, [&] { ++overflows; });
  auto sender = inbox.sender();
  BOOST_TEST(sender.push(1, io::WhenFull::report));
  BOOST_TEST(!sender.push(2, io::WhenFull::report));
  BOOST_TEST(!sender.push(3, io::WhenFull::report));
  BOOST_TEST(tests::run_until(loop, [&] { return overflows > 0; }));
  BOOST_TEST(overflows == 1);
  BOOST_TEST(inbox.dropped() == 2U);
}

BOOST_AUTO_TEST_CASE(a_sender_outlives_its_inbox) {
  io::Loop loop;
  auto inbox = std::make_unique<io::Inbox<int>>(loop, 4, [](int&&) {});
  auto sender = inbox->sender();
  inbox.reset();
  BOOST_TEST(!sender.push(1, io::WhenFull::report));
}

BOOST_AUTO_TEST_CASE(an_inbox_may_be_destroyed_by_its_own_callback) {
  io::Loop loop;
  int seen = 0;
  std::unique_ptr<io::Inbox<int>> inbox;
  inbox = std::make_unique<io::Inbox<int>>(loop, 4, [&](int&& item) {
    seen += item;
    inbox.reset();
  });
  auto sender = inbox->sender();
  sender.push(1, io::WhenFull::drop);
  sender.push(10, io::WhenFull::drop);
  BOOST_TEST(tests::run_until(loop, [&] { return seen > 0; }));
  BOOST_TEST(seen == 1);
}

// ROUTER and DEALER on the loop.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/address.hpp"
#include "common/io/zmq_sockets.hpp"
#include "tests/support/network.hpp"
#include "tests/support/run_loop.hpp"

using namespace proxima;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(std::uint32_t number) {
  Bytes out(sizeof(number));
  std::memcpy(out.data(), &number, sizeof(number));
  return out;
}

std::uint32_t number_in(io::View bytes) {
  std::uint32_t out = 0;
  if (bytes.size() == sizeof(out)) std::memcpy(&out, bytes.data(), sizeof(out));
  return out;
}

struct Pair {
  io::Loop loop;
  io::ZmqContext context;
  std::unique_ptr<io::RouterSocket> router;
  std::unique_ptr<io::DealerSocket> dealer;
  std::vector<io::DealerEvent> events;
  std::function<void(std::string_view, io::Parts)> at_router = [](std::string_view, io::Parts) {};
  std::function<void(io::Parts)> at_dealer = [](io::Parts) {};

  explicit Pair(io::ZmqOptions options = {}) {
    auto bound = io::RouterSocket::bind(loop, context, "127.0.0.1:0", options,
                                        [this](std::string_view peer, io::Parts parts) { at_router(peer, parts); });
    BOOST_REQUIRE_MESSAGE(bound.has_value(), "bind");
    router = std::move(*bound);
    connect(router->endpoint(), options);
  }

  void connect(const std::string& endpoint, const io::ZmqOptions& options) {
    auto made = io::DealerSocket::connect(loop, context, endpoint, options,
                                          {[this](io::Parts parts) { at_dealer(parts); },
                                           [this](io::DealerEvent event) { events.push_back(event); }});
    BOOST_REQUIRE_MESSAGE(made.has_value(), "connect");
    dealer = std::move(*made);
  }

  bool wait_connected() {
    return tests::run_until(loop, [this] { return dealer->connected(); });
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(ten_thousand_messages_arrive_in_order_and_none_is_lost) {
  constexpr std::uint32_t count = 10'000;
  Pair pair;
  BOOST_REQUIRE(pair.wait_connected());
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  bool ordered = true;
  pair.at_router = [&](std::string_view peer, io::Parts parts) {
    // The router's queue for this peer cannot be full: the dealer keeps at most eight under way.
    const auto outcome = pair.router->send(peer, parts[0], parts[1]);
    BOOST_REQUIRE(outcome == io::SendOutcome::sent);
  };
  const auto send_next = [&] {
    while (sent < count && sent - answered < 8) {
      const Bytes payload(sent % 512, static_cast<std::uint8_t>(sent));
      const auto outcome = pair.dealer->send(bytes_of(sent), payload);
      if (outcome != io::SendOutcome::sent) return;
      ++sent;
    }
  };
  pair.at_dealer = [&](io::Parts parts) {
    ordered = ordered && parts.size() == 2 && number_in(parts[0]) == answered && parts[1].size() == answered % 512;
    ++answered;
    send_next();
  };
  send_next();
  BOOST_TEST(tests::run_until(pair.loop, [&] { return answered == count; }, Duration::seconds(60)));
  BOOST_TEST(ordered);
  BOOST_TEST(answered == count);
}

BOOST_AUTO_TEST_CASE(a_large_payload_is_sent_without_a_copy_and_arrives_whole) {
  Pair pair;
  BOOST_REQUIRE(pair.wait_connected());
  auto payload = std::make_shared<Bytes>(1'000'000);
  std::iota(payload->begin(), payload->end(), std::uint8_t{0});
  Bytes received;
  pair.at_router = [&](std::string_view, io::Parts parts) { received.assign(parts[1].begin(), parts[1].end()); };
  BOOST_TEST((pair.dealer->send(bytes_of(1), io::SharedBytes(payload)) == io::SendOutcome::sent));
  BOOST_TEST(tests::run_until(pair.loop, [&] { return !received.empty(); }));
  BOOST_TEST((received == *payload));
  BOOST_TEST(tests::eventually([&] { return payload.use_count() == 1; }), "ZeroMQ lets the payload go");
}

BOOST_AUTO_TEST_CASE(a_burst_waits_in_the_socket_and_timers_still_get_their_turn) {
  io::ZmqOptions options;
  options.send_queue = 5'000;
  options.receive_queue = 5'000;
  Pair pair(options);
  BOOST_REQUIRE(pair.wait_connected());
  int received = 0;
  int received_at_tick = -1;
  io::Timer tick(pair.loop, [&] { received_at_tick = received; });
  pair.at_router = [&](std::string_view, io::Parts) {
    if (++received == 1) tick.once_in({});
  };
  int sent = 0;
  while (sent < 2'000 && pair.dealer->send(bytes_of(1)) == io::SendOutcome::sent) ++sent;
  BOOST_TEST(sent == 2'000);
  BOOST_TEST(tests::run_until(pair.loop, [&] { return received == sent; }));
  BOOST_TEST(received_at_tick >= 1);
  BOOST_TEST(received_at_tick < sent, "a timer that is due comes between the messages of a burst");
}

BOOST_AUTO_TEST_CASE(a_message_with_too_many_parts_is_dropped_and_counted) {
  io::ZmqOptions narrow;
  narrow.max_parts = 1;
  Pair pair(narrow);
  BOOST_REQUIRE(pair.wait_connected());
  int received = 0;
  pair.at_router = [&](std::string_view, io::Parts parts) {
    ++received;
    BOOST_TEST(parts.size() == 1U);
  };
  pair.dealer->send(bytes_of(1), bytes_of(2));
  pair.dealer->send(bytes_of(3));
  BOOST_TEST(tests::run_until(pair.loop, [&] { return received == 1; }));
  BOOST_TEST(pair.router->dropped() == 1U);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_too_large_costs_the_sender_its_connection) {
  io::ZmqOptions options;
  options.max_part_bytes = 1'000;
  Pair pair(options);
  BOOST_REQUIRE(pair.wait_connected());
  int received = 0;
  pair.at_router = [&](std::string_view, io::Parts) { ++received; };
  pair.dealer->send(Bytes(1'001));
  BOOST_TEST(tests::run_until(pair.loop, [&] {
    return !pair.events.empty() && pair.events.back() == io::DealerEvent::disconnected;
  }));
  BOOST_TEST(received == 0);
}

BOOST_AUTO_TEST_CASE(a_router_says_that_a_peer_is_unreachable) {
  Pair pair;
  BOOST_REQUIRE(pair.wait_connected());
  BOOST_TEST((pair.router->send("nobody", bytes_of(1)) == io::SendOutcome::unreachable));
  std::string peer;
  pair.at_router = [&](std::string_view from, io::Parts) { peer = from; };
  pair.dealer->send(bytes_of(1));
  BOOST_REQUIRE(tests::run_until(pair.loop, [&] { return !peer.empty(); }));
  BOOST_TEST((pair.router->send(peer, bytes_of(1)) == io::SendOutcome::sent));
  pair.dealer.reset();
  BOOST_TEST(tests::run_until(pair.loop, [&] {
    io::Timer again(pair.loop, [] {});
    again.once_in(Duration::millis(1));
    pair.loop.run_once();
    return pair.router->send(peer, bytes_of(1)) == io::SendOutcome::unreachable;
  }));
}

BOOST_AUTO_TEST_CASE(a_dealer_takes_nothing_before_it_is_connected_and_hears_that_it_is_refused) {
  io::Loop loop;
  io::ZmqContext context;
  std::vector<io::DealerEvent> events;
  const std::string nowhere = "127.0.0.1:" + std::to_string(tests::free_port());
  auto dealer = io::DealerSocket::connect(loop, context, nowhere, {},
                                          {[](io::Parts) {}, [&](io::DealerEvent event) { events.push_back(event); }});
  BOOST_REQUIRE(dealer.has_value());
  BOOST_TEST(((*dealer)->send(bytes_of(1)) == io::SendOutcome::full));
  BOOST_TEST(tests::run_until(loop, [&] { return events.size() >= 2; }));
  for (const auto event : events) BOOST_TEST((event == io::DealerEvent::refused));
}

// The child is another process with a router of its own: killing it is what the kernel sees when an agent dies.
BOOST_AUTO_TEST_CASE(killing_the_peer_is_seen_at_once_and_a_new_peer_is_found_again) {
  const auto port = tests::free_port();
  const std::string endpoint = "127.0.0.1:" + std::to_string(port);
  const auto serve = [&] {
    const pid_t child = fork();
    if (child != 0) return child;
    io::Loop loop;
    io::ZmqContext context;
    std::unique_ptr<io::RouterSocket> router;
    auto bound = io::RouterSocket::bind(loop, context, endpoint, {}, [&](std::string_view peer, io::Parts parts) {
      router->send(peer, parts[0]);
    });
    if (!bound) _exit(1);
    router = std::move(*bound);
    loop.run();
    _exit(0);
  };
  const pid_t first = serve();
  Pair pair;
  pair.events.clear();
  pair.connect(endpoint, {});
  int answers = 0;
  pair.at_dealer = [&](io::Parts) { ++answers; };
  BOOST_REQUIRE(pair.wait_connected());
  pair.dealer->send(bytes_of(1));
  BOOST_REQUIRE(tests::run_until(pair.loop, [&] { return answers == 1; }));

  kill(first, SIGKILL);
  waitpid(first, nullptr, 0);
  BOOST_TEST(tests::run_until(pair.loop, [&] { return !pair.dealer->connected(); }));
  std::erase(pair.events, io::DealerEvent::refused);  // attempts before the child was listening
  BOOST_REQUIRE(pair.events.size() == 2U);
  BOOST_TEST((pair.events[0] == io::DealerEvent::connected));
  BOOST_TEST((pair.events[1] == io::DealerEvent::disconnected));
  BOOST_TEST((pair.dealer->send(bytes_of(2)) == io::SendOutcome::full));

  const pid_t second = serve();
  BOOST_REQUIRE(pair.wait_connected());
  pair.dealer->send(bytes_of(3));
  BOOST_TEST(tests::run_until(pair.loop, [&] { return answers == 2; }));
  kill(second, SIGKILL);
  waitpid(second, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(heartbeats_find_a_peer_that_has_fallen_silent) {
  const auto port = tests::free_port();
  const std::string endpoint = "127.0.0.1:" + std::to_string(port);
  const pid_t child = fork();
  if (child == 0) {
    io::Loop loop;
    io::ZmqContext context;
    auto bound = io::RouterSocket::bind(loop, context, endpoint, {}, [](std::string_view, io::Parts) {});
    if (bound) loop.run();
    _exit(1);
  }
  io::ZmqOptions options;
  options.heartbeat_interval = Duration::millis(50);
  options.heartbeat_timeout = Duration::millis(100);
  Pair pair;
  pair.events.clear();
  pair.connect(endpoint, options);
  BOOST_REQUIRE(pair.wait_connected());
  kill(child, SIGSTOP);
  BOOST_TEST(tests::run_until(pair.loop, [&] { return !pair.dealer->connected(); }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(a_callback_may_destroy_its_socket) {
  Pair pair;
  BOOST_REQUIRE(pair.wait_connected());
  pair.at_dealer = [&](io::Parts) { pair.dealer.reset(); };
  pair.at_router = [&](std::string_view peer, io::Parts parts) {
    pair.router->send(peer, parts[0]);
    pair.router.reset();
  };
  pair.dealer->send(bytes_of(1));
  BOOST_TEST(tests::run_until(pair.loop, [&] { return !pair.dealer && !pair.router; }));
}

BOOST_AUTO_TEST_CASE(garbage_on_the_port_disturbs_nobody) {
  Pair pair;
  BOOST_REQUIRE(pair.wait_connected());
  const auto where = io::Address::parse(pair.router->endpoint());
  BOOST_REQUIRE(where.has_value());
  const std::vector<std::string> garbage = {
      "GET / HTTP/1.1\r\n\r\n", std::string(4'096, '\xff'), std::string(4'096, '\0'),
      std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16) + std::string(64, 'x')};
  std::vector<int> sockets;
  for (const std::string& bytes : garbage) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE(connect(fd, &where->raw(), where->raw_size()) == 0);
    BOOST_TEST(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
    sockets.push_back(fd);
  }
  int received = 0;
  pair.at_router = [&](std::string_view, io::Parts) { ++received; };
  pair.dealer->send(bytes_of(1));
  BOOST_TEST(tests::run_until(pair.loop, [&] { return received == 1; }));
  for (const int fd : sockets) close(fd);
}

BOOST_AUTO_TEST_CASE(a_taken_port_is_a_failure_in_words) {
  Pair pair;
  const auto again = io::RouterSocket::bind(pair.loop, pair.context, pair.router->endpoint(), {},
                                            [](std::string_view, io::Parts) {});
  BOOST_REQUIRE(!again.has_value());
  BOOST_TEST(again.error().text().find("Address already in use") != std::string::npos);
}

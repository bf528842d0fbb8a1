// MqttLink against a real mosquitto.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/mqtt_link.hpp"
#include "tests/support/network.hpp"
#include "tests/support/run_loop.hpp"

using namespace proxima;

namespace {

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
std::string text_of(const io::MqttMessage& message) { return {message.payload.begin(), message.payload.end()}; }

struct Client {
  std::unique_ptr<io::MqttLink> link;
  int connected = 0;
  int lost = 0;
  int attempts_failed = 0;
  std::vector<io::MqttMessage> messages;
  std::function<void(const io::MqttMessage&)> on_message = [](const io::MqttMessage&) {};

  void start(io::Loop& loop, io::MqttOptions options) {
    auto made = io::MqttLink::start(loop, std::move(options),
                                    {[this] { ++connected; },
                                     [this](const std::string&) { ++lost; },
                                     [this](io::MqttMessage&& message) {
                                       messages.push_back(std::move(message));
                                       on_message(messages.back());
                                     },
                                     [this](const std::string&) { ++attempts_failed; }});
    BOOST_REQUIRE(made.has_value());
    link = std::move(*made);
  }
};

io::MqttOptions options_for(const std::string& endpoint, std::string id, std::vector<std::string> filters = {}) {
  io::MqttOptions options;
  options.endpoint = endpoint;
  options.client_id = std::move(id);
  for (std::string& filter : filters) options.subscriptions.push_back({std::move(filter), 1});
  return options;
}

bool connect(io::Loop& loop, Client& client, const io::MqttOptions& options) {
  client.start(loop, options);
  return tests::run_until(loop, [&] { return client.connected > 0; });
}

/// Connected TCP sockets of a process, as the kernel lends them to us: how many, and how many have Nagle's algorithm off.
struct SocketCount {
  int connections = 0;
  int without_nagle = 0;
};

/// `is_ours` picks by the local and the peer's port. A process lends its sockets to its parent (pidfd_getfd).
SocketCount sockets_of(pid_t process, const std::function<bool(std::uint16_t local, std::uint16_t peer)>& is_ours) {
  SocketCount count;
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  DIR* folder = opendir(("/proc/" + std::to_string(process) + "/fd").c_str());
  BOOST_REQUIRE(pidfd >= 0);
  BOOST_REQUIRE(folder != nullptr);
  while (const dirent* entry = readdir(folder)) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, std::atoi(entry->d_name), 0));
    sockaddr_in local{};
    sockaddr_in peer{};
    socklen_t local_size = sizeof(local);
    socklen_t peer_size = sizeof(peer);
    const bool connected = getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) == 0 &&
                           getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0;
    if (connected && peer.sin_family == AF_INET && is_ours(ntohs(local.sin_port), ntohs(peer.sin_port))) {
      int on = 0;
      socklen_t size = sizeof(on);
      getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size);
      ++count.connections;
      if (on != 0) ++count.without_nagle;
    }
    if (fd >= 0) close(fd);
  }
  closedir(folder);
  close(pidfd);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(nagle_s_algorithm_is_off_at_both_ends) {
  tests::Broker broker;
  io::Loop loop;
  Client client;
  BOOST_REQUIRE(connect(loop, client, options_for(broker.endpoint(), "nodelay")));
  const std::uint16_t port = broker.port();
  const SocketCount here = sockets_of(getpid(), [&](std::uint16_t, std::uint16_t peer) { return peer == port; });
  BOOST_TEST(here.connections == 1);
  BOOST_TEST(here.without_nagle == 1);
  const SocketCount there = sockets_of(broker.process().pid(), [&](std::uint16_t local, std::uint16_t) { return local == port; });
  BOOST_TEST(there.connections == 1);
  BOOST_TEST(there.without_nagle == 1);
}

// The look above would see it: the same on a broker that was told to keep the algorithm.
BOOST_AUTO_TEST_CASE(a_broker_with_nagle_s_algorithm_on_is_seen) {
  tests::Broker broker({"set_tcp_nodelay false"});
  io::Loop loop;
  Client client;
  BOOST_REQUIRE(connect(loop, client, options_for(broker.endpoint(), "nodelay")));
  const std::uint16_t port = broker.port();
  const SocketCount there = sockets_of(broker.process().pid(), [&](std::uint16_t local, std::uint16_t) { return local == port; });
  BOOST_TEST(there.connections == 1);
  BOOST_TEST(there.without_nagle == 0);
}

BOOST_AUTO_TEST_CASE(two_hundred_round_trips_at_qos_1_arrive_in_order) {
  tests::Broker broker;
  io::Loop loop;
  Client here;
  Client there;
  BOOST_REQUIRE(connect(loop, here, options_for(broker.endpoint(), "here", {"pong"})));
  BOOST_REQUIRE(connect(loop, there, options_for(broker.endpoint(), "there", {"ping"})));
  there.on_message = [&](const io::MqttMessage& message) {
    BOOST_REQUIRE(there.link->publish("pong", message.payload, 1, false).has_value());
  };
  int next = 0;
  const auto ping = [&] {
    BOOST_REQUIRE(here.link->publish("ping", bytes_of(std::to_string(next)), 1, false).has_value());
  };
  here.on_message = [&](const io::MqttMessage& message) {
    BOOST_TEST(text_of(message) == std::to_string(next));
    if (++next < 200) ping();
  };
  ping();
  BOOST_TEST(tests::run_until(loop, [&] { return next == 200; }));
  BOOST_TEST(here.messages.size() == 200U);
}

BOOST_AUTO_TEST_CASE(a_retained_message_reaches_a_later_subscriber_and_says_that_it_is_old) {
  tests::Broker broker;
  io::Loop loop;
  Client first;
  Client second;
  BOOST_REQUIRE(connect(loop, first, options_for(broker.endpoint(), "first", {"state"})));
  BOOST_REQUIRE(first.link->publish("state", bytes_of("here"), 1, true).has_value());
  BOOST_REQUIRE(tests::run_until(loop, [&] { return !first.messages.empty(); }));
  BOOST_TEST(!first.messages[0].retained);
  BOOST_REQUIRE(connect(loop, second, options_for(broker.endpoint(), "second", {"state"})));
  BOOST_REQUIRE(tests::run_until(loop, [&] { return !second.messages.empty(); }));
  BOOST_TEST(text_of(second.messages[0]) == "here");
  BOOST_TEST(second.messages[0].retained);
  BOOST_TEST(second.messages[0].topic == "state");
}

BOOST_AUTO_TEST_CASE(the_will_comes_when_a_process_is_killed) {
  tests::Broker broker;
  const pid_t child = fork();
  if (child == 0) {
    io::Loop loop;
    io::MqttOptions options = options_for(broker.endpoint(), "mortal");
    options.will = io::MqttMessage{"will", bytes_of("lost"), 1, true};
    std::unique_ptr<io::MqttLink> link;
    auto made = io::MqttLink::start(loop, options,
                                    {[&] { static_cast<void>(link->publish("up", bytes_of("1"), 1, true)); },
                                     [](const std::string&) {}, [](io::MqttMessage&&) {}, {}});
    if (!made) _exit(1);
    link = std::move(*made);
    loop.run();
    _exit(1);
  }
  io::Loop loop;
  Client watcher;
  BOOST_REQUIRE(connect(loop, watcher, options_for(broker.endpoint(), "watcher", {"up", "will"})));
  BOOST_REQUIRE(tests::run_until(loop, [&] { return !watcher.messages.empty(); }));
  BOOST_TEST(watcher.messages[0].topic == "up");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  BOOST_REQUIRE(tests::run_until(loop, [&] { return watcher.messages.size() > 1; }));
  BOOST_TEST(watcher.messages[1].topic == "will");
  BOOST_TEST(text_of(watcher.messages[1]) == "lost");
}

BOOST_AUTO_TEST_CASE(a_clean_close_sends_what_was_published_and_no_will) {
  tests::Broker broker;
  io::Loop loop;
  Client watcher;
  Client leaver;
  BOOST_REQUIRE(connect(loop, watcher, options_for(broker.endpoint(), "watcher", {"will", "last", "mark"})));
  io::MqttOptions options = options_for(broker.endpoint(), "leaver");
  options.will = io::MqttMessage{"will", bytes_of("lost"), 1, false};
  BOOST_REQUIRE(connect(loop, leaver, options));
  BOOST_REQUIRE(leaver.link->publish("last", bytes_of("words"), 1, false).has_value());
  bool closed = false;
  leaver.link->close([&] { closed = true; });
  BOOST_REQUIRE(tests::run_until(loop, [&] { return closed; }));
  leaver.link.reset();
  // The broker has handled the goodbye by the time that it answers what comes after it.
  BOOST_REQUIRE(watcher.link->publish("mark", bytes_of("m"), 1, false).has_value());
  BOOST_REQUIRE(tests::run_until(loop, [&] {
    return !watcher.messages.empty() && watcher.messages.back().topic == "mark";
  }));
  BOOST_REQUIRE(watcher.messages.size() == 2U);
  BOOST_TEST(watcher.messages[0].topic == "last");
}

BOOST_AUTO_TEST_CASE(a_killed_broker_is_noticed_and_found_again_with_all_subscriptions) {
  tests::Broker broker;
  io::Loop loop;
  Client client;
  BOOST_REQUIRE(connect(loop, client, options_for(broker.endpoint(), "loyal", {"a", "b"})));
  broker.kill();
  BOOST_REQUIRE(tests::run_until(loop, [&] { return client.lost == 1; }));
  BOOST_TEST(!client.link->connected());
  BOOST_TEST(!client.link->publish("a", bytes_of("x"), 1, false).has_value());
  BOOST_REQUIRE(tests::run_until(loop, [&] { return client.attempts_failed > 0; }));
  broker.restart();
  BOOST_REQUIRE(tests::run_until(loop, [&] { return client.connected == 2; }));
  BOOST_TEST(client.lost == 1);
  BOOST_REQUIRE(client.link->publish("a", bytes_of("1"), 1, false).has_value());
  BOOST_REQUIRE(client.link->publish("b", bytes_of("2"), 0, false).has_value());
  BOOST_TEST(tests::run_until(loop, [&] { return client.messages.size() == 2; }));
}

BOOST_AUTO_TEST_CASE(a_broker_that_falls_silent_is_given_up) {
  tests::Broker broker;
  io::Loop loop;
  Client client;
  io::MqttOptions options = options_for(broker.endpoint(), "patient");
  options.keep_alive = Duration::seconds(1);
  BOOST_REQUIRE(connect(loop, client, options));
  broker.process().signal(SIGSTOP);
  BOOST_TEST(tests::run_until(loop, [&] { return client.lost == 1; }, Duration::seconds(60)));
  broker.process().signal(SIGCONT);
  BOOST_TEST(tests::run_until(loop, [&] { return client.connected == 2; }, Duration::seconds(60)));
}

BOOST_AUTO_TEST_CASE(no_broker_at_all_is_tried_again_and_again_and_can_be_closed) {
  io::Loop loop;
  Client client;
  io::MqttOptions options = options_for("127.0.0.1:" + std::to_string(tests::free_port()), "lonely");
  options.backoff_min = Duration::millis(10);
  options.backoff_max = Duration::millis(20);
  client.start(loop, options);
  BOOST_TEST(tests::run_until(loop, [&] { return client.attempts_failed >= 3; }));
  bool closed = false;
  client.link->close([&] { closed = true; });
  BOOST_TEST(tests::run_until(loop, [&] { return closed; }));
  BOOST_TEST(client.connected == 0);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_too_large_is_not_handed_over) {
  tests::Broker broker;
  io::Loop loop;
  Client sender;
  Client receiver;
  io::MqttOptions narrow = options_for(broker.endpoint(), "narrow", {"t"});
  narrow.message_bytes = 1'000;
  BOOST_REQUIRE(connect(loop, receiver, narrow));
  BOOST_REQUIRE(connect(loop, sender, options_for(broker.endpoint(), "wide")));
  for (const std::size_t size : {1'500U, 10'000U, 1'000U}) {
    BOOST_REQUIRE(sender.link->publish("t", std::vector<std::uint8_t>(size), 1, false).has_value());
  }
  BOOST_REQUIRE(tests::run_until(loop, [&] { return !receiver.messages.empty(); }));
  BOOST_TEST(receiver.messages.size() == 1U);
  BOOST_TEST(receiver.messages[0].payload.size() == 1'000U);
}

BOOST_AUTO_TEST_CASE(an_inbox_that_overflows_with_control_opens_the_link_again) {
  tests::Broker broker;
  io::Loop loop;
  Client sender;
  Client receiver;
  io::MqttOptions narrow = options_for(broker.endpoint(), "narrow", {"t"});
  narrow.received_limit = 4;
  BOOST_REQUIRE(connect(loop, receiver, narrow));
  BOOST_REQUIRE(connect(loop, sender, options_for(broker.endpoint(), "flood")));
  // The loop does not run meanwhile, so the messages pile up between Paho's thread and the loop.
  for (int i = 0; i < 200; ++i) {
    const auto published = sender.link->publish("t", bytes_of("x"), 1, false);
    const std::string why = published.has_value() ? "" : published.error().text();
    BOOST_REQUIRE_EQUAL(why, "");
  }
  BOOST_REQUIRE(tests::eventually([&] { return receiver.link->dropped() > 0; }));
  BOOST_TEST(tests::run_until(loop, [&] { return receiver.lost >= 1 && receiver.link->connected(); }));
}

BOOST_AUTO_TEST_CASE(too_much_outstanding_is_refused_without_blocking) {
  tests::Broker broker;
  io::Loop loop;
  Client client;
  io::MqttOptions options = options_for(broker.endpoint(), "eager");
  options.outstanding_limit = 10;
  BOOST_REQUIRE(connect(loop, client, options));
  broker.process().signal(SIGSTOP);
  int taken = 0;
  while (taken < 1'000 && client.link->publish("t", bytes_of("x"), 1, false).has_value()) ++taken;
  BOOST_TEST(taken == 10);
  BOOST_TEST(!client.link->connected(), "control that finds no room closes the link");
  broker.process().signal(SIGCONT);
  BOOST_TEST(tests::run_until(loop, [&] { return client.link->connected(); }));
  BOOST_TEST(client.lost == 1);
}

// What anybody may send to an agent's ports costs it nothing.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "common/base/prng.hpp"
#include "common/io/udp_socket.hpp"
#include "common/protocol/codec.hpp"
#include "common/protocol/limits.hpp"
#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {
namespace {

using protocol::InstanceState;
using protocol::RefusalCode;
using protocol::Refused;
using protocol::ResultHeader;

constexpr std::uint64_t memory_slack_kib = 8 * 1024;

Blob random_blob(Prng& prng, std::size_t size) {
  Blob bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(prng.next());
  return bytes;
}

struct Serving {
  Region region;
  TempDir data;
  std::unique_ptr<AgentProcess> agent;
  std::unique_ptr<Client> client;
  std::uint64_t sequence = 0;

  Serving() {
    region.offer(1, {obedient()});
    agent = std::make_unique<AgentProcess>(region, data);
    region.wish({instance_of(1, 7, 1)});
    region.until_state(7, InstanceState::ready);
    client = std::make_unique<Client>(region, agent->frames);
    client->enter(7, 1);
  }
  void still_serves() {
    client->frame(7, 1, ++sequence, "e here");
    BOOST_TEST(client->next_as<ResultHeader>().first.sequence == sequence);
    BOOST_TEST(agent->process().running());
  }
};

/// Echoes from one address, counted.
class Prober {
 public:
  Prober(Region& region, const std::string& to) : region_(region), to_(*io::Address::parse(to)) {
    auto socket = io::UdpSocket::bind(region.loop(), *io::Address::parse("127.0.0.1:0"), [this](const io::Address&, io::View bytes) {
      const auto echo = protocol::decode_echo(bytes);
      if (bytes.size() == limits::echo_bytes && echo && echo->reply) tokens.push_back(echo->token);
      else ++odd;
    });
    BOOST_REQUIRE(socket.has_value());
    socket_ = std::move(*socket);
  }
  void send(io::View bytes) { socket_->send(to_, bytes); }
  void probe(std::uint64_t token) { send(protocol::encode(protocol::Echo{false, token})); }
  /// Probes until an answer comes: the bucket fills up by itself.
  void until_answered(std::uint64_t token) {
    io::Timer again(region_.loop(), [&] { probe(token); });
    again.every(Duration::millis(20));
    region_.until("an echo is answered", [&] { return std::find(tokens.begin(), tokens.end(), token) != tokens.end(); });
  }
  std::vector<std::uint64_t> tokens;
  std::size_t odd = 0;

 private:
  Region& region_;
  io::Address to_;
  std::unique_ptr<io::UdpSocket> socket_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(agent_against_strangers, Serving)

BOOST_AUTO_TEST_CASE(random_bytes_on_the_data_plane_are_refused_one_by_one) {
  Client stranger(region, agent->frames);
  Prng prng(1);
  const std::uint64_t before = rss_kib(agent->pid());
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 5; ++i) {
      std::vector<Blob> parts{random_blob(prng, prng.below(300))};
      if (prng.below(2) == 0) parts.push_back(random_blob(prng, prng.below(5000)));
      stranger.say_raw(parts);
    }
    stranger.say(protocol::Ping{static_cast<std::uint64_t>(round)});
    for (;;) {
      const Heard heard = stranger.next();
      if (std::holds_alternative<protocol::Pong>(heard.message)) break;
      const auto* refused = std::get_if<Refused>(&heard.message);
      BOOST_REQUIRE(refused != nullptr);
      BOOST_TEST((refused->code == RefusalCode::bad_message));
    }
  }
  BOOST_TEST(rss_kib(agent->pid()) < before + memory_slack_kib);
  still_serves();
}

BOOST_AUTO_TEST_CASE(cut_and_changed_messages_are_survived) {
  Client stranger(region, agent->frames);
  protocol::Hello hello;
  hello.instance = {7};
  hello.epoch = {1};
  hello.ticket = Blob(100, 9);
  const protocol::Bytes whole = protocol::encode(protocol::ClientMessage(hello));
  Prng prng(2);
  std::size_t sent_count = 0;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    stranger.say_raw({Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut))});
    Blob changed(whole.begin(), whole.end());
    changed[prng.below(changed.size())] ^= static_cast<std::uint8_t>(1 + prng.below(255));
    stranger.say_raw({changed});
    stranger.say(protocol::Ping{++sent_count});
    while (!std::holds_alternative<protocol::Pong>(stranger.next().message)) {
    }
  }
  still_serves();
}

BOOST_AUTO_TEST_CASE(a_frame_without_payload_and_a_hello_with_one_are_refused) {
  client->say(protocol::Frame{});
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::bad_message));
  client->say(protocol::Hello{}, Blob(10, 1));
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::bad_message));
  protocol::Hello future;
  future.version = 99;
  future.instance = {7};
  future.epoch = {1};
  client->say(future);
  BOOST_TEST((client->next_as<Refused>().first.code == RefusalCode::version));
  still_serves();
}

BOOST_AUTO_TEST_CASE(a_part_beyond_the_limit_costs_its_sender_the_connection) {
  Client stranger(region, agent->frames);
  const std::uint64_t before = rss_kib(agent->pid());
  stranger.say_raw({protocol::encode(protocol::ClientMessage(protocol::Transfer{1})), Blob(limits::frame_bytes + 1, 0)});
  region.until("the stranger is cut off", [&] { return stranger.disconnects() > 0; });
  BOOST_TEST(rss_kib(agent->pid()) < before + memory_slack_kib);
  still_serves();
}

BOOST_AUTO_TEST_CASE(echoes_are_answered_with_as_much_as_came_and_nothing_else_is) {
  Prober prober(region, agent->echo);
  prober.probe(42);
  region.until("the echo is back", [&] { return prober.tokens.size() == 1; });
  BOOST_TEST(prober.tokens[0] == 42U);
  Prng prng(3);
  for (int i = 0; i < 100; ++i) prober.send(random_blob(prng, prng.below(200)));
  prober.send(protocol::encode(protocol::Echo{true, 1}));  // a reply is not replied to
  protocol::Bytes longer = protocol::encode(protocol::Echo{false, 2});
  longer.push_back(0);
  prober.send(longer);
  prober.send(io::View(longer).first(63));
  prober.until_answered(43);
  BOOST_TEST(prober.odd == 0U);
  for (const std::uint64_t token : prober.tokens) BOOST_TEST((token == 42 || token == 43));
  still_serves();
}

BOOST_AUTO_TEST_CASE(one_address_gets_no_more_echoes_than_its_rate) {
  Prober prober(region, agent->echo);
  const Instant before = io::Loop::now();
  for (std::uint64_t n = 1; n <= 2000; ++n) {
    prober.probe(n);
    if (n % 50 == 0) region.loop().run_once();
  }
  prober.until_answered(9999);
  // Whatever the machine's speed: a burst of 200 and 200 for each second that passed.
  const double passed_s = static_cast<double>((io::Loop::now() - before).ns) / 1e9;
  BOOST_TEST(static_cast<double>(prober.tokens.size()) <= 200 + 200 * passed_s + 1);
  BOOST_TEST(prober.tokens.size() >= 50U);
}

BOOST_AUTO_TEST_CASE(commands_that_cannot_be_read_change_nothing) {
  Prng prng(4);
  for (int i = 0; i < 50; ++i) region.command(random_blob(prng, prng.below(400)));
  region.wish({instance_of(1, 7, 1), instance_of(1, 8, 1)});
  region.until_state(8, InstanceState::ready);
  still_serves();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

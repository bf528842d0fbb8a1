// The real proxima-netlab between real sockets: what is relayed, held, refused and reset. Order and content, never times:
// where something must not arrive, a later message by another node that does arrive says that it had its chance.
#include <boost/test/unit_test.hpp>
#include <algorithm>
#include <memory>
#include <thread>

#include "common/base/prng.hpp"
#include "sdk/netlab/io/control_client.hpp"
#include "sdk/netlab/served_lab.hpp"
#include "tests/netlab/peer.hpp"

namespace {

using namespace proxima;
using namespace proxima::netlab;
using namespace proxima::netlab::test;

constexpr const char* lab_text = R"(
[[node]]
name = "near"
rtt_ms = 0
rate_mbit = 1000
[[node]]
name = "far"
rtt_ms = 40
rate_mbit = 100
[[node]]
name = "rough"
rtt_ms = 4
jitter_ms = 3
loss_percent = 5
rate_mbit = 400
)";

// A lab with an agent behind each of its three nodes.
struct Served {
  Served() {
    auto started = ServedLab::start(NETLAB_PROGRAM, lab_text);
    BOOST_TEST_REQUIRE(started.has_value());
    lab = std::make_unique<ServedLab>(std::move(*started));
    BOOST_TEST_REQUIRE(lab->nodes().size() == 3U);
    point("near", near_agent);
    point("far", far_agent);
    point("rough", rough_agent);
  }

  nlohmann::json ask_for(const Request& request) const {
    const auto answer = ask(lab->socket(), request);
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST_REQUIRE((*answer)["ok"].get<bool>());
    return *answer;
  }
  void point(const std::string& node, const Agent& agent) const {
    ask_for(SetBackend{node, agent.frames(), agent.echo()});
  }
  [[nodiscard]] const ServedLab::Node& near() const { return lab->nodes()[0]; }
  [[nodiscard]] const ServedLab::Node& far() const { return lab->nodes()[1]; }
  [[nodiscard]] const ServedLab::Node& rough() const { return lab->nodes()[2]; }

  // Returns after a message has gone through the far node and back: whatever the near node was given before had its chance.
  void wait_for_far() const {
    const EchoClient client(far().echo);
    client.send("barrier");
    BOOST_TEST(far_agent.answer_echo() == "barrier");
    BOOST_TEST(client.receive() == "barrier");
  }

  std::unique_ptr<ServedLab> lab;
  Agent near_agent;
  Agent far_agent;
  Agent rough_agent;
};

std::string noise(std::size_t size, std::uint64_t seed) {
  Prng prng(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(prng.next());
  return text;
}

void send_in_chunks(const Fd& socket, const std::string& text, std::uint64_t seed) {
  Prng prng(seed);
  for (std::size_t sent = 0; sent < text.size();) {
    const std::size_t bound = prng.below(4) == 0 ? 100'000 : 2'000;
    const std::size_t size = std::min<std::size_t>(1 + prng.below(bound), text.size() - sent);
    const ssize_t part = ::send(socket.get(), text.data() + sent, size, MSG_NOSIGNAL);
    if (part <= 0) return;  // the receiver's comparison will tell
    sent += static_cast<std::size_t>(part);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relay, Served)

BOOST_AUTO_TEST_CASE(bytes_arrive_whole_and_in_order_both_ways_at_once) {
  struct Row {
    const ServedLab::Node& node;
    const Agent& agent;
    std::size_t size;
  };
  for (const Row& row : {Row{near(), near_agent, 8'000'000}, Row{rough(), rough_agent, 3'000'000}}) {
    BOOST_TEST_CONTEXT(row.node.name) {
      const Fd client = dial(row.node.frames);
      const Fd server = row.agent.accept();
      const std::string up = noise(row.size, 1);
      const std::string down = noise(row.size, 2);
      std::thread client_sends([&] { send_in_chunks(client, up, 3); });
      std::thread server_sends([&] { send_in_chunks(server, down, 4); });
      std::string got_down;
      std::thread client_reads([&] { got_down = receive_text(client, row.size); });
      const std::string got_up = receive_text(server, row.size);
      client_sends.join();
      server_sends.join();
      client_reads.join();
      BOOST_CHECK(got_up == up);
      BOOST_CHECK(got_down == down);
    }
  }
}

BOOST_AUTO_TEST_CASE(many_connections_of_one_node_do_not_mix) {
  constexpr std::size_t count = 20;
  std::vector<Fd> clients;
  std::vector<Fd> servers;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(dial(near().frames));
    send_text(clients.back(), std::string(1, static_cast<char>('a' + i)));
    servers.push_back(near_agent.accept());
    BOOST_TEST(receive_text(servers.back(), 1) == std::string(1, static_cast<char>('a' + i)));
  }
  for (std::size_t i = 0; i < count; ++i) send_text(servers[i], noise(10'000, i));
  for (std::size_t i = 0; i < count; ++i) BOOST_CHECK(receive_text(clients[i], 10'000) == noise(10'000, i));
}

BOOST_AUTO_TEST_CASE(echoes_go_and_come_back_to_the_one_that_asked) {
  const EchoClient first(far().echo);
  const EchoClient second(far().echo);
  first.send("one");
  BOOST_TEST(far_agent.answer_echo() == "one");
  second.send("two");
  BOOST_TEST(far_agent.answer_echo() == "two");
  BOOST_TEST(second.receive() == "two");
  BOOST_TEST(first.receive() == "one");
  first.send("");
  BOOST_TEST(far_agent.answer_echo().empty());
  first.send("three");
  BOOST_TEST(far_agent.answer_echo() == "three");
  BOOST_TEST(first.receive().empty());
  BOOST_TEST(first.receive() == "three");
}

BOOST_AUTO_TEST_CASE(more_echo_clients_than_are_kept_are_all_served) {
  for (int i = 0; i < 300; ++i) {
    const EchoClient client(near().echo);
    client.send("hello");
    BOOST_TEST_REQUIRE(near_agent.answer_echo() == "hello");
    BOOST_TEST_REQUIRE(client.receive() == "hello");
  }
}

BOOST_AUTO_TEST_CASE(an_end_of_stream_is_relayed_behind_the_data_and_the_other_way_stays_open) {
  const Fd client = dial(far().frames);
  const Fd server = far_agent.accept();
  const std::string question = noise(300'000, 5);
  send_text(client, question);
  ::shutdown(client.get(), SHUT_WR);
  BOOST_CHECK(receive_text(server, question.size() + 1) == question);  // ended by the stream's end
  send_text(server, "answer");
  BOOST_TEST(receive_text(client, 6) == "answer");
  ::shutdown(server.get(), SHUT_WR);
  BOOST_TEST(receive_text(client, 1).empty());
  // Both have ended: the relay lets go of it.
  while (ask_for(AskStatus{})["nodes"][1]["connections"] != 0) {
  }
}

BOOST_AUTO_TEST_CASE(a_reset_is_relayed_as_a_reset) {
  Fd client = dial(far().frames);
  Fd server = far_agent.accept();
  send_text(client, "x");
  BOOST_TEST(receive_text(server, 1) == "x");
  close_with_reset(server);
  int error = 0;
  BOOST_TEST(receive_text(client, 1, &error).empty());
  BOOST_TEST(error == ECONNRESET);

  client = dial(far().frames);
  server = far_agent.accept();
  close_with_reset(client);
  BOOST_TEST(receive_text(server, 1, &error).empty());
  BOOST_TEST(error == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(what_was_sent_before_a_reset_arrives_before_it) {
  const Fd client = dial(far().frames);
  Fd server = far_agent.accept();
  const std::string last_words = noise(100'000, 6);
  send_text(server, last_words);
  // Only once the relay has read them: a reset destroys what its own side has not taken.
  while (ask_for(AskStatus{})["nodes"][1]["bytes_down"] != last_words.size()) {
  }
  close_with_reset(server);
  int error = 0;
  BOOST_CHECK(receive_text(client, last_words.size() + 1, &error) == last_words);
  BOOST_TEST(error == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_backend_that_is_gone_resets_its_clients) {
  std::string gone;
  {
    const Agent dead;
    gone = dead.frames();
  }
  ask_for(SetBackend{"near", gone, near_agent.echo()});
  const Fd client = dial(near().frames);
  int error = 0;
  BOOST_TEST(receive_text(client, 1, &error).empty());
  BOOST_TEST(error == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_new_backend_takes_new_connections_and_old_ones_stay) {
  const Fd old_client = dial(near().frames);
  const Fd old_server = near_agent.accept();
  const Agent next;
  point("near", next);
  const Fd new_client = dial(near().frames);
  const Fd new_server = next.accept();
  send_text(old_client, "old");
  send_text(new_client, "new");
  BOOST_TEST(receive_text(old_server, 3) == "old");
  BOOST_TEST(receive_text(new_server, 3) == "new");
  const EchoClient client(near().echo);
  client.send("to the new one");
  BOOST_TEST(next.answer_echo() == "to the new one");
  BOOST_TEST(client.receive() == "to the new one");
}

BOOST_AUTO_TEST_CASE(a_cut_holds_streams_in_silence_and_drops_datagrams_until_it_heals) {
  const Fd client = dial(near().frames);
  const Fd server = near_agent.accept();
  const EchoClient echo(near().echo);
  const auto status = ask_for(Cut{"near", false})["nodes"][0];
  BOOST_TEST(status["cut"].get<bool>());
  BOOST_TEST(!status["control_cut"].get<bool>());
  send_text(client, "held up");
  send_text(server, "held down");
  echo.send("lost");
  const Fd late_client = dial(near().frames);  // the kernel accepts it; nothing is relayed
  send_text(late_client, "late");
  wait_for_far();
  BOOST_TEST(!is_readable_now(server));
  BOOST_TEST(!is_readable_now(client));
  BOOST_TEST(!is_readable_now(near_agent.echo_socket()));
  BOOST_TEST(!is_readable_now(near_agent.listener()));

  BOOST_TEST(!ask_for(Heal{"near"})["nodes"][0]["cut"].get<bool>());
  BOOST_TEST(receive_text(server, 7) == "held up");
  BOOST_TEST(receive_text(client, 9) == "held down");
  const Fd late_server = near_agent.accept();
  BOOST_TEST(receive_text(late_server, 4) == "late");
  echo.send("not lost");
  BOOST_TEST(near_agent.answer_echo() == "not lost");
  BOOST_TEST(echo.receive() == "not lost");
}

BOOST_AUTO_TEST_CASE(a_process_that_dies_behind_a_cut_is_noticed_only_after_it) {
  const Fd client = dial(near().frames);
  Fd server = near_agent.accept();
  ask_for(Cut{"near", false});
  close_with_reset(server);
  wait_for_far();
  BOOST_TEST(!is_readable_now(client));
  ask_for(Heal{"near"});
  int error = 0;
  BOOST_TEST(receive_text(client, 1, &error).empty());
  BOOST_TEST(error == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(control_links_pass_straight_and_have_a_cut_of_their_own) {
  int error = 0;
  dial(near().api, &error);
  BOOST_TEST(error == ECONNREFUSED);  // no target yet
  const Agent coordinator;
  const Agent broker;
  ask_for(SetTargets{coordinator.frames(), std::nullopt});
  ask_for(SetTargets{std::nullopt, broker.frames()});
  const Fd api_client = dial(near().api);
  const Fd api_server = coordinator.accept();
  const Fd broker_client = dial(far().broker);
  const Fd broker_server = broker.accept();
  send_text(api_client, "GET");
  send_text(broker_server, "CONNACK");
  BOOST_TEST(receive_text(api_server, 3) == "GET");
  BOOST_TEST(receive_text(broker_client, 7) == "CONNACK");

  ask_for(Cut{"near", true});
  send_text(api_client, "held");
  const Fd frames_client = dial(near().frames);  // not cut
  const Fd frames_server = near_agent.accept();
  send_text(frames_client, "frame");
  BOOST_TEST(receive_text(frames_server, 5) == "frame");
  wait_for_far();
  BOOST_TEST(!is_readable_now(api_server));
  send_text(broker_server, "another node's");
  BOOST_TEST(receive_text(broker_client, 14) == "another node's");
  ask_for(Heal{"near"});
  BOOST_TEST(receive_text(api_server, 4) == "held");
}

BOOST_AUTO_TEST_CASE(changes_are_live) {
  const EchoClient client(near().echo);
  const auto set = ask_for(SetShape{"near", {{"loss_percent", 100.0}, {"rate_mbit", 0.5}}})["nodes"][0];
  BOOST_TEST(set["loss_percent"] == 100.0);
  BOOST_TEST(set["rate_mbit"] == 0.5);
  BOOST_TEST(set["rtt_ms"] == 0.0);
  client.send("lost");
  while (ask_for(AskStatus{})["nodes"][0]["datagrams_lost"] != 1) {
  }
  ask_for(SetShape{"near", {{"loss_percent", 0.0}}});
  client.send("not lost");
  BOOST_TEST(near_agent.answer_echo() == "not lost");
  BOOST_TEST(client.receive() == "not lost");
  BOOST_TEST(ask_for(AskStatus{})["nodes"][0]["rate_mbit"] == 0.5);
  BOOST_TEST(ask_for(AskStatus{})["nodes"][1]["rate_mbit"] == 100.0);
}

BOOST_AUTO_TEST_CASE(a_receiver_that_does_not_read_stops_its_sender) {
  const Fd client = dial(near().frames);
  const Fd server = near_agent.accept();
  const timeval short_limit{0, 500'000};
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &short_limit, sizeof short_limit);
  const std::string block = noise(64 * 1024, 8);
  std::size_t sent = 0;
  while (sent < 256U * 1024 * 1024) {
    const ssize_t part = ::send(client.get(), block.data(), block.size(), MSG_NOSIGNAL);
    if (part < 0) break;
    sent += static_cast<std::size_t>(part);
  }
  BOOST_TEST(sent > 100'000U);
  BOOST_TEST(sent < 64U * 1024 * 1024);  // kernel buffers of four sockets and our own bounds
  std::thread reader([&] { BOOST_TEST(receive_text(server, sent).size() == sent); });
  reader.join();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(without_a_backend_connections_are_refused_and_echoes_unheard) {
  auto lab = ServedLab::start(NETLAB_PROGRAM, "[[node]]\nname = \"alone\"\nrtt_ms = 1\n");
  BOOST_TEST_REQUIRE(lab.has_value());
  int error = 0;
  dial(lab->nodes()[0].frames, &error);
  BOOST_TEST(error == ECONNREFUSED);
  const EchoClient client(lab->nodes()[0].echo);
  client.send("anyone?");
  const auto status = ask(lab->socket(), AskStatus{});
  BOOST_TEST_REQUIRE(status.has_value());
  BOOST_TEST((*status)["nodes"][0]["backend"]["frames"].is_null());
  BOOST_TEST(lab->stop() == 0);
}

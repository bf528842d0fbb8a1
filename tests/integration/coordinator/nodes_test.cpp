// Nodes as the API shows them: births, wills, what cannot be read, a broker that goes and comes.
#include <boost/test/unit_test.hpp>

#include "tests/integration/coordinator/rig.hpp"

namespace proxima::tests {
namespace {

using nlohmann::json;

BOOST_AUTO_TEST_SUITE(nodes)

BOOST_AUTO_TEST_CASE(a_birth_shows_the_node_and_a_will_shows_it_lost) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  BOOST_TEST(region.get("/v1/nodes").json().at("nodes").empty());

  Agent agent(loop, region, {"kitchen-router", 7, {"vision"}, 1200});
  BOOST_REQUIRE(agent.join());
  const json node = region.node("kitchen-router");
  BOOST_TEST(node.at("node") == to_text(agent.id()));
  BOOST_TEST(node.at("target") == "x86_64-linux-gnu");
  BOOST_TEST(node.at("isolation") == "full");
  BOOST_TEST(node.at("memory_mib") == 256);
  BOOST_TEST(node.at("functions") == json::array({"vision"}));
  BOOST_TEST(node.at("benchmark_us") == 1200);
  BOOST_TEST(node.at("frames") == "127.0.0.1:4107");
  BOOST_TEST(node.at("echo") == "127.0.0.1:5107");
  BOOST_TEST(node.at("pid") == 4242);
  BOOST_TEST(node.at("heard_ms_ago").get<double>() >= 0.0);
  const json summary = region.get("/v1/region").json();
  BOOST_TEST(summary.at("schema") == "proxima/v1/region");
  BOOST_TEST(summary.at("region") == region_name);
  BOOST_TEST(summary.at("nodes") == 1);
  BOOST_TEST(summary.at("pid") == region.program().pid());

  BOOST_REQUIRE(agent.die());
  BOOST_TEST(region.wait_for_node("kitchen-router", "lost"));
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_starts_later_knows_the_living_from_their_retained_births) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  Agent living(loop, region, {"living", 1, {}, 1000});
  Agent dead(loop, region, {"dead", 2, {}, 1000});
  BOOST_REQUIRE(living.join());
  BOOST_REQUIRE(dead.join());
  BOOST_REQUIRE(dead.die());
  BOOST_REQUIRE(region.wait_for_node("dead", "lost"));

  region.program().signal(SIGKILL);
  BOOST_REQUIRE(region.program().wait().has_value());
  region.start();
  BOOST_TEST(region.wait_for_node("living", "present"));
  const json shown = region.node("dead");
  BOOST_TEST((shown.is_null() || shown.at("state") == "lost"));
}

BOOST_AUTO_TEST_CASE(messages_that_cannot_be_read_are_logged_with_their_node_and_end_nothing) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  Agent bad(loop, region, {"bad", 3, {}, 1000});
  BOOST_REQUIRE(bad.join());
  const std::vector<std::vector<std::uint8_t>> rows = {
      {}, {0}, {0xff}, std::vector<std::uint8_t>(10'000, 0xff), std::vector<std::uint8_t>(16'384, 0), {1, 2, 3, 4, 5}};
  for (const protocol::NodeTopic kind : {protocol::NodeTopic::birth, protocol::NodeTopic::beat, protocol::NodeTopic::event}) {
    for (const auto& bytes : rows) bad.publish(kind, bytes);
  }
  bad.publish(protocol::NodeTopic::beat, std::vector<std::uint8_t>(40'000, 1));  // beyond what any message may have
  BOOST_TEST(region.program().wait_for_output("node " + to_text(bad.id()) + " sent a message that cannot be read (1 so far)"));
  BOOST_TEST(region.program().wait_for_output("(16 so far)"));

  Agent good(loop, region, {"good", 4, {}, 1000});
  BOOST_TEST(good.join());
  BOOST_TEST(region.node("bad").at("state") == "present");
  BOOST_TEST(region.get("/v1/nodes").json().at("nodes").size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_broker_that_goes_and_comes_is_told_and_survived) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  Agent agent(loop, region, {"router", 5, {}, 1000});
  BOOST_REQUIRE(agent.join());
  region.broker().kill();
  BOOST_TEST(eventually([&] { return !region.get("/v1/region").json().at("broker_up").get<bool>(); }));
  BOOST_TEST(region.node("router").is_object());
  region.broker().restart();
  BOOST_TEST(region.wait_for_broker());
}

BOOST_AUTO_TEST_CASE(the_region_stream_tells_of_each_node_that_changes) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  Connection stream(region.port());
  stream.send({"GET", "/v1/events", "", {}});
  const Answer head = stream.answer();
  BOOST_REQUIRE(head.status == 200);
  BOOST_TEST(head.headers.at("content-type") == "text/event-stream");

  Agent agent(loop, region, {"router", 6, {}, 1000});
  BOOST_REQUIRE(agent.join());
  const auto appeared = stream.event();
  BOOST_REQUIRE(appeared.has_value());
  BOOST_TEST(appeared->event == "node");
  BOOST_TEST(appeared->data.at("schema") == "proxima/v1/node");
  BOOST_TEST(appeared->data.at("name") == "router");
  BOOST_TEST(appeared->data.at("state") == "present");
  BOOST_REQUIRE(agent.die());
  std::string state;
  while (state != "lost") {
    const auto event = stream.event();
    BOOST_REQUIRE(event.has_value());
    state = event->data.at("state");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::tests

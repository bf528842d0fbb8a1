// MQTT topics of a region.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "common/protocol/topics.hpp"

using namespace proxima;
using namespace proxima::protocol;

namespace {

NodeId node() {
  NodeId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(i);
  return id;
}
const std::string node_text = "000102030405060708090a0b0c0d0e0f";

}  // namespace

BOOST_AUTO_TEST_CASE(each_kind_is_written_and_read) {
  const std::vector<std::pair<NodeTopic, std::string>> rows = {{NodeTopic::birth, "birth"},
                                                               {NodeTopic::beat, "beat"},
                                                               {NodeTopic::event, "event"},
                                                               {NodeTopic::command, "command"}};
  for (const auto& [kind, text] : rows) {
    BOOST_TEST_CONTEXT(text) {
      const std::string topic = node_topic("home", node(), kind);
      BOOST_TEST(topic == "proxima/v1/home/node/" + node_text + "/" + text);
      BOOST_TEST(node_filter("home", kind) == "proxima/v1/home/node/+/" + text);
      const auto parsed = parse_node_topic("home", topic);
      BOOST_REQUIRE(parsed.has_value());
      BOOST_TEST((parsed->node == node()));
      BOOST_TEST((parsed->kind == kind));
    }
  }
}

BOOST_AUTO_TEST_CASE(anything_else_is_not_a_topic_of_ours) {
  const std::vector<std::string> rows = {
      "",
      "proxima/v1/home/node/",
      "proxima/v1/home/node//beat",
      "proxima/v1/home/node/" + node_text,
      "proxima/v1/home/node/" + node_text + "/",
      "proxima/v1/home/node/" + node_text + "/beats",
      "proxima/v1/home/node/" + node_text + "/beat/",
      "proxima/v1/home/node/" + node_text + "/beat/x",
      "proxima/v1/home/node/+/beat",
      "proxima/v1/home/node/000102030405060708090A0B0C0D0E0F/beat",
      "proxima/v1/home/node/" + node_text + "0/beat",
      "proxima/v1/homes/node/" + node_text + "/beat",
      "proxima/v1/hom/node/" + node_text + "/beat",
      "proxima/v2/home/node/" + node_text + "/beat",
      "/proxima/v1/home/node/" + node_text + "/beat",
      "proxima/v1/home/task/" + node_text + "/beat",
  };
  for (const std::string& topic : rows) {
    BOOST_TEST_CONTEXT(topic) { BOOST_TEST(!parse_node_topic("home", topic).has_value()); }
  }
}

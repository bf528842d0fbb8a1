#include "common/protocol/topics.hpp"

namespace proxima::protocol {
namespace {

constexpr std::string_view root = "proxima/v1/";

constexpr std::string_view kind_text(NodeTopic kind) {
  switch (kind) {
    case NodeTopic::birth: return "birth";
    case NodeTopic::beat: return "beat";
    case NodeTopic::event: return "event";
    case NodeTopic::command: return "command";
  }
  return {};
}

std::string topic_of(std::string_view region, std::string_view node, NodeTopic kind) {
  std::string out(root);
  out.append(region).append("/node/").append(node).append("/").append(kind_text(kind));
  return out;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string node_topic(std::string_view region, const NodeId& node, NodeTopic kind) {
  return topic_of(region, to_text(node), kind);
}

std::string node_filter(std::string_view region, NodeTopic kind) { return topic_of(region, "+", kind); }

std::optional<ParsedNodeTopic> parse_node_topic(std::string_view region, std::string_view topic) {
  if (!take(topic, root) || !take(topic, region) || !take(topic, "/node/")) return std::nullopt;
  const std::size_t slash = topic.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto node = node_id_from(topic.substr(0, slash));
  if (!node) return std::nullopt;
  for (const NodeTopic kind : {NodeTopic::birth, NodeTopic::beat, NodeTopic::event, NodeTopic::command}) {
    if (topic.substr(slash + 1) == kind_text(kind)) return ParsedNodeTopic{*node, kind};
  }
  return std::nullopt;
}

}  // namespace proxima::protocol

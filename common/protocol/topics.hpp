// MQTT topics of one region: proxima/v1/<region>/node/<id>/{birth,beat,event,command}.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.hpp"

namespace proxima::protocol {

enum class NodeTopic { birth, beat, event, command };

[[nodiscard]] std::string node_topic(std::string_view region, const NodeId& node, NodeTopic kind);

/// The filter that matches one kind of topic of all nodes.
[[nodiscard]] std::string node_filter(std::string_view region, NodeTopic kind);

struct ParsedNodeTopic {
  NodeId node;
  NodeTopic kind;
};

/// nullopt for anything that node_topic() of this region does not write.
[[nodiscard]] std::optional<ParsedNodeTopic> parse_node_topic(std::string_view region, std::string_view topic);

}  // namespace proxima::protocol

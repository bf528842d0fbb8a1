// Any topic: not ours, or exactly what node_topic() writes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/assert.hpp"
#include "common/protocol/topics.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxima::protocol;
  const std::string_view topic(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_node_topic("home", topic);
  if (parsed) PROXIMA_ASSERT(node_topic("home", parsed->node, parsed->kind) == topic);
  return 0;
}

// Ids are types. Each is opaque: nothing is read out of its bits.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace proxima {

/// A node, made at random on the device at first start. 32 hexadecimal digits in text.
struct NodeId {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const NodeId&) const = default;
};

/// SHA-256 of a blob: a module, a package, a native object. 64 hexadecimal digits in text.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const Digest&) const = default;
};

/// A task that was asked to run. Given by the coordinator, never used twice. 16 hexadecimal digits in text.
struct TaskId {
  std::uint64_t value = 0;
  auto operator<=>(const TaskId&) const = default;
};

/// One running copy of a task on a node. Given by the coordinator, never used twice. 16 hexadecimal digits in text.
struct InstanceId {
  std::uint64_t value = 0;
  auto operator<=>(const InstanceId&) const = default;
};

/// Orders the instances of one task: whoever has seen a higher epoch obeys no lower one. Starts at 1; 0 is none.
struct Epoch {
  std::uint32_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

[[nodiscard]] std::string to_text(const NodeId& id);
[[nodiscard]] std::string to_text(const Digest& digest);
[[nodiscard]] std::string to_text(TaskId id);
[[nodiscard]] std::string to_text(InstanceId id);

/// Reads exactly the lower-case hexadecimal digits that to_text writes; anything else is nullopt.
[[nodiscard]] std::optional<NodeId> node_id_from(std::string_view text);
[[nodiscard]] std::optional<Digest> digest_from(std::string_view text);
[[nodiscard]] std::optional<TaskId> task_id_from(std::string_view text);
[[nodiscard]] std::optional<InstanceId> instance_id_from(std::string_view text);

/// True for names of nodes, tasks and regions: [a-z0-9][a-z0-9-]{0,31}.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace proxima

// What shall run on each node, and what the nodes said of it. Owned by the coordinator's core.
// A node is told its whole wish at each change, never a delta; the generation tells an old wish from a new one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/control.hpp"

namespace proxima::coordinator {

class DesiredTable {
 public:
  struct Wish {
    std::vector<protocol::DesiredInstance> instances;  ///< in the order of their making
    std::uint64_t generation = 0;                      ///< of the last one sent
    Instant sent;
    bool is_watched = false;                           ///< an instance serves or stands by: the agent beats every second
    Instant watched_since;                             ///< only with is_watched
  };

  void add(const NodeId& node, const protocol::DesiredInstance& instance, Instant now);
  /// False where there is no such instance.
  bool remove(const NodeId& node, InstanceId instance, Instant now);
  void set_role(const NodeId& node, InstanceId instance, protocol::Role role, Instant now);
  /// Sends the wish again, changed or not.
  void repeat(const NodeId& node) { unsent_.insert(node); }
  /// The changed wishes since the last call, each with a new generation.
  [[nodiscard]] std::vector<std::pair<NodeId, protocol::Desired>> take_unsent(std::uint64_t term, Instant now);

  /// Keeps the report of a desired instance; false where none of that id and epoch is desired there.
  bool apply_report(const NodeId& node, const protocol::InstanceReport& report);
  void forget_reports(const NodeId& node);

  /// nullptr where nothing was ever desired.
  [[nodiscard]] const Wish* find(const NodeId& node) const;
  [[nodiscard]] std::span<const protocol::DesiredInstance> instances(const NodeId& node) const;
  [[nodiscard]] const protocol::DesiredInstance* find(const NodeId& node, InstanceId instance) const;
  [[nodiscard]] const protocol::InstanceReport* report(InstanceId instance) const;
  void forget(const NodeId& node);
  void fingerprint(Fingerprint& print) const;

 private:
  void changed(const NodeId& node, Wish& wish, Instant now);

  std::map<NodeId, Wish> nodes_;
  std::map<InstanceId, protocol::InstanceReport> reports_;
  std::set<NodeId> unsent_;
  std::uint64_t generation_ = 0;
};

}  // namespace proxima::coordinator

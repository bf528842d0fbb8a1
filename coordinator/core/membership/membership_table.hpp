// Who is in the region: births, beats, wills and silence. Owned by the coordinator's core, on its thread.
//
// An agent draws its incarnation at random at each start. Messages of any other than a node's current incarnation change
// nothing, save the birth of one that was never seen: that is the node's new life. So a message that comes late out of
// an earlier life neither revives nor kills.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/protocol/control.hpp"
#include "coordinator/core/coordinator.hpp"

namespace proxima::coordinator {

struct Member {
  protocol::Birth birth;
  NodeState state = NodeState::present;
  std::optional<protocol::Beat> last_beat;
  Instant last_heard;
  std::uint32_t losses = 0;                       ///< times that it was lost, silent or restarted
  std::uint32_t failures = 0;                     ///< instances that failed on it
  std::vector<std::uint64_t> past_incarnations;   ///< oldest first
};

/// What a message did to the table.
enum class Heard : std::uint8_t {
  ignored,    ///< of an earlier life, stale, or the table is full
  known,      ///< nothing but the time of hearing changed
  appeared,   ///< a node that was not in the table
  returned,   ///< the same life after silence or loss
  restarted,  ///< a new life: whatever ran on it is gone
};

class MembershipTable {
 public:
  Heard apply_birth(const NodeId& node, const protocol::Birth& birth, Instant now);
  Heard apply_beat(const NodeId& node, const protocol::Beat& beat, Instant now);
  /// Any other sign of life of an incarnation.
  Heard apply_sign(const NodeId& node, std::uint64_t incarnation, Instant now);
  /// True when this made a node of another state lost.
  bool apply_lost(const NodeId& node, std::uint64_t incarnation);
  /// True when a present node became silent.
  bool apply_silence(const NodeId& node);
  void count_failure(const NodeId& node);
  /// Forgets a node to make room. The caller knows that nothing is desired of it.
  void forget(const NodeId& node) { members_.erase(node); }

  [[nodiscard]] bool full() const;
  [[nodiscard]] const Member* find(const NodeId& node) const;
  [[nodiscard]] const std::map<NodeId, Member>& members() const { return members_; }
  void fingerprint(Fingerprint& print) const;

 private:
  Heard revive(Member& member, Instant now);
  std::map<NodeId, Member> members_;
};

}  // namespace proxima::coordinator

#include "coordinator/core/membership/membership_table.hpp"

#include <algorithm>

#include "common/protocol/limits.hpp"
#include "coordinator/core/fingerprint_of.hpp"

namespace proxima::coordinator {
namespace {

/// True where `next` is not after `last` on a counter that wraps.
bool is_stale(std::uint32_t next, std::uint32_t last) { return static_cast<std::int32_t>(next - last) <= 0; }

}  // namespace

Heard MembershipTable::revive(Member& member, Instant now) {
  member.last_heard = now;
  if (member.state == NodeState::present) return Heard::known;
  member.state = NodeState::present;
  return Heard::returned;
}

Heard MembershipTable::apply_birth(const NodeId& node, const protocol::Birth& birth, Instant now) {
  const auto found = members_.find(node);
  if (found == members_.end()) {
    if (full()) return Heard::ignored;
    members_.emplace(node, Member{birth, NodeState::present, std::nullopt, now, 0, 0, {}});
    return Heard::appeared;
  }
  Member& member = found->second;
  if (member.birth.incarnation == birth.incarnation) {
    member.birth = birth;
    return revive(member, now);
  }
  auto& past = member.past_incarnations;
  if (std::find(past.begin(), past.end(), birth.incarnation) != past.end()) return Heard::ignored;
  if (past.size() == limits::past_incarnations) past.erase(past.begin());
  past.push_back(member.birth.incarnation);
  if (member.state == NodeState::present) ++member.losses;
  member.birth = birth;
  member.last_beat.reset();
  member.state = NodeState::present;
  member.last_heard = now;
  return Heard::restarted;
}

Heard MembershipTable::apply_beat(const NodeId& node, const protocol::Beat& beat, Instant now) {
  const auto found = members_.find(node);
  if (found == members_.end() || found->second.birth.incarnation != beat.incarnation) return Heard::ignored;
  Member& member = found->second;
  if (member.last_beat && is_stale(beat.sequence, member.last_beat->sequence)) return Heard::ignored;
  member.last_beat = beat;
  return revive(member, now);
}

Heard MembershipTable::apply_sign(const NodeId& node, std::uint64_t incarnation, Instant now) {
  const auto found = members_.find(node);
  if (found == members_.end() || found->second.birth.incarnation != incarnation) return Heard::ignored;
  // A node that its will declared lost comes back by a birth or a beat: an event may have waited in a queue.
  if (found->second.state == NodeState::lost) return Heard::known;
  return revive(found->second, now);
}

bool MembershipTable::apply_lost(const NodeId& node, std::uint64_t incarnation) {
  const auto found = members_.find(node);
  if (found == members_.end() || found->second.birth.incarnation != incarnation) return false;
  if (found->second.state == NodeState::lost) return false;
  if (found->second.state == NodeState::present) ++found->second.losses;
  found->second.state = NodeState::lost;
  return true;
}

bool MembershipTable::apply_silence(const NodeId& node) {
  const auto found = members_.find(node);
  if (found == members_.end() || found->second.state != NodeState::present) return false;
  ++found->second.losses;
  found->second.state = NodeState::silent;
  return true;
}

void MembershipTable::count_failure(const NodeId& node) {
  if (const auto found = members_.find(node); found != members_.end()) ++found->second.failures;
}

bool MembershipTable::full() const { return members_.size() >= limits::nodes; }

const Member* MembershipTable::find(const NodeId& node) const {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

void MembershipTable::fingerprint(Fingerprint& print) const {
  mix_count(print, members_.size());
  for (const auto& [node, member] : members_) {
    mix(print, node);
    print.add(member.birth.incarnation);
    print.add(std::string_view(member.birth.name));
    print.add(std::string_view(member.birth.target));
    print.add(std::string_view(member.birth.device_class));
    print.add(static_cast<std::uint32_t>(member.birth.isolation));
    print.add(member.birth.memory_mib);
    print.add(static_cast<std::uint32_t>(member.birth.cpu_percent));
    print.add(member.birth.benchmark_us);
    print.add(std::string_view(member.birth.frames_endpoint));
    print.add(std::string_view(member.birth.echo_endpoint));
    for (const auto& function : member.birth.functions) print.add(std::string_view(function));
    print.add(static_cast<std::uint32_t>(member.state));
    print.add(member.last_beat ? member.last_beat->sequence : 0U);
    mix(print, member.last_heard);
    print.add(member.losses);
    print.add(member.failures);
    for (const std::uint64_t past : member.past_incarnations) print.add(past);
  }
}

}  // namespace proxima::coordinator

#include "tests/sim/checks.hpp"

#include <algorithm>

namespace proxima::sim {
namespace {

std::string text(const agent::InstanceKey& key) {
  return "instance " + to_text(key.instance) + " epoch " + std::to_string(key.epoch.value);
}

}  // namespace

void EpochCheck::given(const std::vector<coordinator::SendDesired>& batch) {
  std::map<TaskId, Epoch> rising;
  for (const auto& sent : batch) {
    for (const auto& wanted : sent.desired.instances) {
      const agent::InstanceKey key{wanted.instance, wanted.epoch};
      const auto known = given_.find(key);
      if (known != given_.end()) {
        if (known->second.node != sent.node || known->second.task != wanted.task)
          throw Violation(invariant::epochs_grow, text(key) + " was given before, to another node or task");
        continue;
      }
      // One event may give several epochs of a task to several nodes, whose messages have no order.
      if (wanted.epoch <= highest_[wanted.task])
        throw Violation(invariant::epochs_grow, text(key) + " is given after epoch " +
                                                    std::to_string(highest_[wanted.task].value) + " of its task");
      for (const auto& [other, given] : given_)
        if (given.task == wanted.task && other.epoch == wanted.epoch)
          throw Violation(invariant::epochs_grow, text(key) + " has an epoch that its task gave before");
      given_[key] = {sent.node, wanted.task, wanted.memory_mib};
      rising[wanted.task] = std::max(rising[wanted.task], wanted.epoch);
    }
  }
  for (const auto& [task, epoch] : rising) highest_[task] = epoch;
}

std::uint32_t EpochCheck::memory_of(const agent::InstanceKey& key) const {
  const auto found = given_.find(key);
  return found == given_.end() ? 0 : found->second.memory_mib;
}

void WorkerCheck::started(std::size_t node, const agent::InstanceKey& key, std::uint32_t memory_mib, std::uint32_t gift_mib) {
  const auto [owner, is_new] = node_of_.try_emplace(key, node);
  if (!is_new && owner->second != node)
    throw Violation(invariant::one_node, text(key) + " runs on node " + std::to_string(node) + " and ran on node " +
                                             std::to_string(owner->second));
  auto& alive = alive_[node];
  if (!alive.emplace(key, memory_mib).second) throw Violation(invariant::one_node, text(key) + " was started twice");
  std::uint64_t sum = 0;
  for (const auto& [other, mib] : alive) sum += mib;
  if (sum > gift_mib)
    throw Violation(invariant::memory, "workers of node " + std::to_string(node) + " take " + std::to_string(sum) +
                                           " MiB of " + std::to_string(gift_mib));
}

void WorkerCheck::ended(std::size_t node, const agent::InstanceKey& key) { alive_[node].erase(key); }

void StreamCheck::submitted(std::uint64_t sequence, Instant until) {
  submitted_ = sequence;
  open_[sequence] = until;
}

void StreamCheck::obeyed(Epoch epoch) {
  if (epoch < obeyed_)
    throw Violation(invariant::one_epoch, "a frame goes to epoch " + std::to_string(epoch.value) + " after epoch " +
                                              std::to_string(obeyed_.value) + " was obeyed");
  obeyed_ = epoch;
}

void StreamCheck::ended(const stream::FrameEnded& frame, const std::optional<agent::InstanceKey>& made_by) {
  const std::string name = "frame " + std::to_string(frame.sequence);
  if (frame.sequence > submitted_) throw Violation(invariant::one_outcome, name + " ended and was never submitted");
  if (open_.erase(frame.sequence) == 0) throw Violation(invariant::one_outcome, name + " ended twice");
  if (frame.outcome != stream::Outcome::ok) return;
  if (frame.sequence <= delivered_)
    throw Violation(invariant::one_outcome, name + " was delivered after frame " + std::to_string(delivered_));
  delivered_ = frame.sequence;
  if (frame.epoch < obeyed_)
    throw Violation(invariant::one_epoch, name + " came from epoch " + std::to_string(frame.epoch.value) + " after epoch " +
                                              std::to_string(obeyed_.value) + " was obeyed");
  if (!made_by || made_by->epoch != frame.epoch)
    throw Violation(invariant::one_epoch, name + " is said to come from epoch " + std::to_string(frame.epoch.value) +
                                              " and was made by " + (made_by ? text(*made_by) : "nobody"));
}

void StreamCheck::at(Instant now) const {
  for (const auto& [sequence, until] : open_)
    if (until < now) throw Violation(invariant::one_outcome, "frame " + std::to_string(sequence) + " has no outcome in time");
}

}  // namespace proxima::sim

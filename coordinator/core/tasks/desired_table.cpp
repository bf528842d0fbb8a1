#include "coordinator/core/tasks/desired_table.hpp"

#include <algorithm>

#include "common/base/assert.hpp"
#include "coordinator/core/fingerprint_of.hpp"

namespace proxima::coordinator {

void DesiredTable::changed(const NodeId& node, Wish& wish, Instant now) {
  const bool watched = std::any_of(wish.instances.begin(), wish.instances.end(),
                                   [](const auto& i) { return i.role != protocol::Role::trial; });
  if (watched && !wish.is_watched) wish.watched_since = now;
  wish.is_watched = watched;
  unsent_.insert(node);
}

void DesiredTable::add(const NodeId& node, const protocol::DesiredInstance& instance, Instant now) {
  Wish& wish = nodes_[node];
  wish.instances.push_back(instance);
  changed(node, wish, now);
}

bool DesiredTable::remove(const NodeId& node, InstanceId instance, Instant now) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return false;
  if (std::erase_if(found->second.instances, [&](const auto& i) { return i.instance == instance; }) == 0) return false;
  reports_.erase(instance);
  changed(node, found->second, now);
  return true;
}

void DesiredTable::set_role(const NodeId& node, InstanceId instance, protocol::Role role, Instant now) {
  const auto found = nodes_.find(node);
  PROXIMA_ASSERT(found != nodes_.end());
  for (auto& desired : found->second.instances)
    if (desired.instance == instance) desired.role = role;
  changed(node, found->second, now);
}

std::vector<std::pair<NodeId, protocol::Desired>> DesiredTable::take_unsent(std::uint64_t term, Instant now) {
  std::vector<std::pair<NodeId, protocol::Desired>> out;
  for (const NodeId& node : unsent_) {
    Wish& wish = nodes_[node];
    wish.generation = ++generation_;
    wish.sent = now;
    out.emplace_back(node, protocol::Desired{term, wish.generation, wish.instances});
  }
  unsent_.clear();
  return out;
}

bool DesiredTable::apply_report(const NodeId& node, const protocol::InstanceReport& report) {
  const auto* desired = find(node, report.instance);
  if (desired == nullptr || desired->epoch != report.epoch) return false;
  reports_[report.instance] = report;
  return true;
}

void DesiredTable::forget_reports(const NodeId& node) {
  for (const auto& desired : instances(node)) reports_.erase(desired.instance);
}

const DesiredTable::Wish* DesiredTable::find(const NodeId& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::span<const protocol::DesiredInstance> DesiredTable::instances(const NodeId& node) const {
  const Wish* wish = find(node);
  return wish == nullptr ? std::span<const protocol::DesiredInstance>{} : wish->instances;
}

const protocol::DesiredInstance* DesiredTable::find(const NodeId& node, InstanceId instance) const {
  for (const auto& desired : instances(node))
    if (desired.instance == instance) return &desired;
  return nullptr;
}

const protocol::InstanceReport* DesiredTable::report(InstanceId instance) const {
  const auto found = reports_.find(instance);
  return found == reports_.end() ? nullptr : &found->second;
}

void DesiredTable::forget(const NodeId& node) {
  PROXIMA_ASSERT(instances(node).empty());
  nodes_.erase(node);
  unsent_.erase(node);
}

void DesiredTable::fingerprint(Fingerprint& print) const {
  print.add(generation_);
  for (const auto& [node, wish] : nodes_) {
    mix(print, node);
    print.add(wish.generation);
    mix(print, wish.sent);
    mix_count(print, wish.instances.size());
    for (const auto& desired : wish.instances) {
      mix(print, desired.instance);
      mix(print, desired.epoch);
      mix(print, desired.task);
      print.add(static_cast<std::uint32_t>(desired.role));
    }
  }
  for (const auto& [instance, report] : reports_) {
    mix(print, instance);
    print.add(static_cast<std::uint32_t>(report.state));
    print.add(report.frames);
    print.add(report.execute_us_mean);
  }
}

}  // namespace proxima::coordinator

#include "agent/core/supervisor.hpp"

#include <algorithm>
#include <utility>

#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

constexpr Duration retry_min = Duration::millis(250);
constexpr Duration retry_max = Duration::seconds(10);
// A frame that is in the worker's hand when its instance is withdrawn may end: its client sends it again otherwise.
constexpr Duration drain_limit = Duration::seconds(1);

Duration retry_after(std::uint32_t missed) {
  const std::uint32_t doublings = std::min<std::uint32_t>(missed, 6);
  return std::min(retry_max, retry_min * (std::int64_t{1} << doublings));
}

std::string cut(std::string text) {
  if (text.size() > limits::text_bytes) text.resize(limits::text_bytes);
  return text;
}

InstanceKey key_of(const protocol::DesiredInstance& desired) { return {desired.instance, desired.epoch}; }

}  // namespace

Supervisor::Supervisor(Offer offer) : offer_(std::move(offer)) {}

void Supervisor::apply(const protocol::Desired& desired, Instant now, Effects& out) {
  withdraw_missing(desired, now, out);
  for (const protocol::DesiredInstance& wanted : desired.instances) want(wanted, out);
  start_held(now, out);
}

void Supervisor::withdraw_missing(const protocol::Desired& desired, Instant now, Effects& out) {
  std::map<InstanceId, Epoch> highest;
  for (const protocol::DesiredInstance& wanted : desired.instances) {
    Epoch& epoch = highest[wanted.instance];
    epoch = std::max(epoch, wanted.epoch);
  }
  for (auto at = instances_.begin(); at != instances_.end();) {
    const auto here = at++;  // happen() may erase it
    const auto wanted = highest.find(here->first.instance);
    here->second.wanted_again = false;
    if (wanted == highest.end() || wanted->second > here->first.epoch) happen(here, Happening::withdrawn, now, out);
  }
}

void Supervisor::want(const protocol::DesiredInstance& wanted, Effects& out) {
  const Instance* newest_life = newest(wanted.instance);
  // A lower epoch than one that was obeyed here is never obeyed again.
  if (newest_life != nullptr && newest_life->desired.epoch > wanted.epoch) return;
  const auto found = instances_.find(key_of(wanted));
  if (found == instances_.end()) return admit(wanted, out);
  Instance& instance = found->second;
  if (instance.stage == Stage::refused) {
    if (refusal(offer_, admitted(), wanted) == instance.reason) return;  // said already
    return admit(wanted, out);
  }
  if (is_leaving(instance.stage)) {
    instance.wanted_again = true;
    instance.desired = wanted;
    return;
  }
  // What a worker was started with stays; what only describes the stream may change under one epoch.
  instance.desired.role = wanted.role;
  instance.desired.deadline_us = wanted.deadline_us;
  instance.desired.rate_mhz = wanted.rate_mhz;
}

void Supervisor::admit(const protocol::DesiredInstance& wanted, Effects& out) {
  Instance instance;
  instance.desired = wanted;
  const std::optional<std::string> no = refusal(offer_, admitted(), wanted);
  if (no) {
    instance.stage = Stage::refused;
    instance.reason = *no;
  }
  const InstanceKey key = key_of(wanted);
  // The decoder bounds one message, and refused ones leave with the next that does not name them.
  instances_.insert_or_assign(key, instance);
  changes_.push_back({key, Stage::gone, instance});
  if (!no) out.emplace_back(FetchObject{key, wanted.module, wanted.variant});
}

void Supervisor::object_ready(const ObjectReady& event, Instant now, Effects& out) {
  const auto found = instances_.find(event.key);
  if (found == instances_.end()) return;
  if (found->second.stage == Stage::fetching) found->second.object_path = event.path;
  happen(found, Happening::object_ready, now, out);
  start_held(now, out);
}

void Supervisor::object_unavailable(const ObjectUnavailable& event, Instant now, Effects& out) {
  const auto found = instances_.find(event.key);
  if (found == instances_.end()) return;
  if (found->second.stage == Stage::fetching) found->second.reason = cut(event.reason);
  happen(found, event.final ? Happening::object_bad : Happening::object_missing, now, out);
}

void Supervisor::worker_ready(const WorkerReady& event, Instant now, Effects& out) {
  const auto found = instances_.find(event.key);
  if (found == instances_.end()) return;
  Instance& instance = found->second;
  instance.worker_pid = event.worker_pid;
  instance.host_pid = event.host_pid;
  instance.isolation = event.isolation;
  if (instance.stage == Stage::starting) instance.reason.clear();
  happen(found, Happening::worker_ready, now, out);
}

void Supervisor::worker_gone(const WorkerGone& event, Instant now, Effects& out) {
  const auto found = instances_.find(event.key);
  if (found == instances_.end()) return;
  Instance& instance = found->second;
  instance.worker_pid = 0;
  instance.host_pid = 0;
  if (!is_leaving(instance.stage)) instance.reason = cut(event.reason);
  happen(found, Happening::worker_gone, now, out);
  start_held(now, out);
}

void Supervisor::drained(const InstanceKey& key, Instant now, Effects& out) {
  const auto found = instances_.find(key);
  if (found != instances_.end()) happen(found, Happening::drained, now, out);
}

void Supervisor::on_time(Instant now, Effects& out) {
  for (auto at = instances_.begin(); at != instances_.end();) {
    const auto here = at++;
    if (here->second.due > now) continue;
    here->second.due = Instant::never();
    happen(here, here->second.stage == Stage::draining ? Happening::drain_due : Happening::retry_due, now, out);
  }
}

Instant Supervisor::next_deadline() const {
  Instant next = Instant::never();
  for (const auto& [key, instance] : instances_) next = std::min(next, instance.due);
  return next;
}

void Supervisor::happen(Table::iterator at, Happening happening, Instant now, Effects& out) {
  const InstanceKey key = at->first;
  Instance& instance = at->second;
  const Transition row = transition(instance.stage, happening);
  const Stage from = std::exchange(instance.stage, row.next);
  if (from == row.next) return;
  instance.due = Instant::never();
  act(key, instance, row.step, now, out);
  changes_.push_back({key, from, instance});
  if (instance.stage != Stage::gone) return;
  const Instance last = std::move(instance);
  instances_.erase(at);
  if (last.wanted_again) admit(last.desired, out);
}

void Supervisor::act(const InstanceKey& key, Instance& instance, Step step, Instant now, Effects& out) {
  switch (step) {
    case Step::none: return;
    case Step::fetch: out.emplace_back(FetchObject{key, instance.desired.module, instance.desired.variant}); return;
    case Step::cancel_fetch: out.emplace_back(CancelFetch{key}); return;
    case Step::arm_retry: instance.due = now + retry_after(instance.fetches_missed++); return;
    case Step::start_worker: out.emplace_back(StartWorker{key, instance.desired, instance.object_path}); return;
    case Step::arm_drain: instance.due = now + drain_limit; return;
    case Step::stop_worker: out.emplace_back(StopWorker{key}); return;
  }
}

// An instance that leaves keeps its memory until its worker is gone: the owner's limit holds at every moment.
void Supervisor::start_held(Instant now, Effects& out) {
  std::uint64_t held_mib = 0;
  for (const auto& [key, instance] : instances_) {
    if (holds_memory(instance.stage)) held_mib += instance.desired.memory_mib;
  }
  for (auto at = instances_.begin(); at != instances_.end(); ++at) {
    const Instance& instance = at->second;
    if (instance.stage != Stage::held || held_mib + instance.desired.memory_mib > offer_.memory_mib) continue;
    held_mib += instance.desired.memory_mib;
    happen(at, Happening::room, now, out);
  }
}

std::vector<StageChange> Supervisor::take_changes() { return std::exchange(changes_, {}); }

const Instance* Supervisor::find(const InstanceKey& key) const {
  const auto found = instances_.find(key);
  return found == instances_.end() ? nullptr : &found->second;
}

const Instance* Supervisor::newest(InstanceId id) const {
  auto after = instances_.upper_bound(InstanceKey{id, Epoch{0xffffffffU}});
  if (after == instances_.begin()) return nullptr;
  --after;
  return after->first.instance == id ? &after->second : nullptr;
}

InUse Supervisor::admitted() const {
  InUse use;
  for (const auto& [key, instance] : instances_) {
    if (!is_admitted(instance.stage)) continue;
    use.memory_mib += instance.desired.memory_mib;
    ++use.instances;
  }
  return use;
}

bool Supervisor::serving() const {
  return std::any_of(instances_.begin(), instances_.end(), [](const auto& entry) {
    return is_admitted(entry.second.stage) || is_leaving(entry.second.stage);
  });
}

void Supervisor::fingerprint(Fingerprint& into) const {
  for (const auto& [key, instance] : instances_) {
    into.add(key.instance.value);
    into.add(key.epoch.value);
    into.add(static_cast<std::uint32_t>(instance.stage));
    into.add(static_cast<std::uint32_t>(instance.desired.role));
    into.add(instance.desired.memory_mib);
    into.add(std::string_view(instance.reason));
    into.add(instance.worker_pid);
    into.add(instance.fetches_missed);
    into.add(instance.due.ns);
    into.add(instance.wanted_again);
  }
}

}  // namespace proxima::agent

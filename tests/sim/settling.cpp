// A run from its first event to its end, and what must hold once the faults have stopped.
#include <algorithm>
#include <set>

#include "tests/sim/region.hpp"

namespace proxima::sim {
namespace {

constexpr Duration faulty = Duration::seconds(50);
constexpr Duration settling_least = Duration::seconds(100);
constexpr Duration settling_most = Duration::seconds(400);
constexpr std::uint32_t last_frames = 12;

}  // namespace

void Region::run_until(Instant end) {
  while (queue_.run_next(end))
    if (++counts_.steps % 256 == 0) mix_digest();
}

RunCounts Region::run() {
  make_region();
  plan_faults();
  run_until(now() + faulty);
  heal();
  run_until(now() + settling_least);
  settle();
  last_burst();
  settle();
  check_tasks();
  mix_digest();
  counts_.digest = digest_.value();
  return counts_;
}

void Region::mix_digest() {
  digest_.add(now().ns);
  digest_.add(core_->digest());
  for (const auto& node : nodes_) digest_.add(node->is_alive() ? node->core().digest() : 0);
  for (const auto& client : clients_) digest_.add(client->stream() != nullptr ? client->stream()->digest() : 0);
}

// A setback may end at any moment and a standby be made: what must hold holds soon, not at each moment.
void Region::settle() {
  const Instant latest = now() + settling_most;
  while (true) {
    const auto broken = unsettled();
    if (!broken) return;
    if (now() >= latest) throw Violation(*broken);
    run_until(now() + Duration::seconds(1));
  }
}

std::optional<Violation> Region::unsettled() const {
  if (auto broken = unconverged()) return broken;
  for (const auto& client : clients_)
    if (auto broken = unserved(*client)) return broken;
  return std::nullopt;
}

std::optional<Violation> Region::unconverged() const {
  for (const auto& node : nodes_) {
    const std::string& name = node->profile().name;
    const auto seen = core_->node(node->id());
    if (!seen) return Violation(invariant::converges, name + " is unknown to the coordinator");
    if (seen->state != coordinator::NodeState::present)
      return Violation(invariant::converges, name + " is " + coordinator::to_text(seen->state) + " and lives");
    std::set<agent::InstanceKey> desired;
    for (const auto& instance : seen->instances) desired.insert({instance.desired.instance, instance.desired.epoch});
    for (const auto& [key, instance] : node->core().supervisor().instances()) {
      if (desired.erase(key) == 0) return Violation(invariant::converges, name + " runs what is not desired");
      if (instance.stage != agent::Stage::ready)
        return Violation(invariant::converges, name + " has an instance that is " + agent::to_text(instance.stage));
    }
    if (!desired.empty()) return Violation(invariant::converges, name + " lacks what is desired");
  }
  return std::nullopt;
}

std::optional<Violation> Region::unserved(const Client& client) const {
  if (client.phase() == Client::Phase::placing) return Violation(invariant::task_ends, "a client is still asking");
  if (client.phase() != Client::Phase::streaming) return std::nullopt;
  const auto task = core_->task(*client.task());
  if (!task || task->state != coordinator::TaskState::placed)
    return Violation(invariant::served, "a client streams for a task that is not placed");
  if (!task->serving) {
    const auto reasons = core_->explain(task->id);
    for (const auto& candidate : reasons->candidates)
      if (candidate.feasible) return Violation(invariant::task_ends, "nothing serves a task, and " + candidate.name + " could");
    return std::nullopt;
  }
  const stream::Stream& stream = *client.stream();
  if (stream.epoch() != task->serving->epoch)
    return Violation(invariant::served, "a client obeys epoch " + std::to_string(stream.epoch().value) + ", the coordinator names " +
                                            std::to_string(task->serving->epoch.value));
  if (!stream.serving_ready()) return Violation(invariant::served, "a client's serving session is not ready");
  return std::nullopt;
}

void Region::last_burst() {
  const Duration pace = Duration::millis(100);
  std::vector<std::pair<Client*, std::uint64_t>> expecting;
  for (const auto& client : clients_) {
    if (client->phase() != Client::Phase::streaming || !core_->task(*client->task())->serving) continue;
    expecting.emplace_back(client.get(), client->submitted() + last_frames);
    client->burst(last_frames, pace);
  }
  run_until(now() + pace * last_frames + Duration::seconds(5));
  for (const auto& [client, last] : expecting) {
    if (client->check().open() != 0) throw Violation(invariant::one_outcome, "frames have no outcome after the end");
    if (client->last_delivered() < last - 1) throw Violation(invariant::served, "the last frames had no result");
  }
}

void Region::check_tasks() const {
  for (const auto& task : core_->tasks()) {
    using coordinator::TaskState;
    const std::string name = "task " + to_text(task.id) + " is " + coordinator::to_text(task.state);
    const bool ended = task.state == TaskState::stopped || task.state == TaskState::refused;
    if (!ended && task.state != TaskState::placed) throw Violation(invariant::task_ends, name + " for ever");
    if (ended && task.reason.empty()) throw Violation(invariant::task_ends, name + " without a reason");
    if (task.state == TaskState::refused && (!task.first || task.first->serving))
      throw Violation(invariant::task_ends, name + " without a decision that says why");
    if (task.state == TaskState::placed && !task.serving && task.reason.empty())
      throw Violation(invariant::task_ends, name + " with nobody serving and no reason");
    const bool has_client = std::any_of(clients_.begin(), clients_.end(), [&](const auto& client) {
      const bool outlived = client->phase() == Client::Phase::dead && !client->has_lease();
      return client->task() == task.id && (client->phase() == Client::Phase::streaming || outlived);
    });
    if (task.state == TaskState::placed && !has_client) throw Violation(invariant::task_ends, name + " and its client is gone");
  }
}

}  // namespace proxima::sim

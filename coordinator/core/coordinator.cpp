#include "coordinator/core/coordinator.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "common/base/prng.hpp"
#include "coordinator/core/coordinator_state.hpp"
#include "coordinator/core/fingerprint_of.hpp"

namespace proxima::coordinator {
namespace {

NodeView view_of(const NodeId& id, const Member& member, const DesiredTable& desired) {
  NodeView out{id, member.state, member.birth, member.last_beat, member.last_heard, {}};
  for (const auto& instance : desired.instances(id)) {
    const auto* report = desired.report(instance.instance);
    out.instances.push_back({instance, id, report == nullptr ? std::nullopt : std::optional(*report)});
  }
  return out;
}

}  // namespace

Coordinator::State::State(const CoordinatorOptions& given) : options(given), id_mask(Prng(given.seed).next()) {}

/// One-to-one from (term, count) for 2^24 ids a term; the mask only makes the ids of two regions differ.
std::uint64_t Coordinator::State::next_id() {
  constexpr unsigned bits_of_count = 24;
  std::uint64_t id = 0;
  while (id == 0) id = Prng((options.term << bits_of_count) + ++ids_given).next() ^ id_mask;
  return id;
}

void Coordinator::State::flush(Effects& out) {
  std::move(builds_wanted.begin(), builds_wanted.end(), std::back_inserter(out));
  builds_wanted.clear();
  for (auto& [node, wish] : desired.take_unsent(options.term, now)) out.emplace_back(SendDesired{node, std::move(wish)});
  for (Reply& reply : replies) out.emplace_back(std::move(reply));
  replies.clear();
  for (const TaskId task : changed_tasks) out.emplace_back(TaskChanged{task});
  changed_tasks.clear();
  for (const NodeId& node : changed_nodes) out.emplace_back(NodeChanged{node});
  changed_nodes.clear();
}

Coordinator::Coordinator(const CoordinatorOptions& options) : state_(std::make_unique<State>(options)) {}
Coordinator::~Coordinator() = default;
Coordinator::Coordinator(Coordinator&&) noexcept = default;
Coordinator& Coordinator::operator=(Coordinator&&) noexcept = default;

void Coordinator::handle(const Event& event, Instant now, Effects& out) {
  state_->now = std::max(state_->now, now);
  std::visit([&](const auto& one) { state_->on(one); }, event);
  state_->flush(out);
}

void Coordinator::on_time(Instant now, Effects& out) {
  state_->now = std::max(state_->now, now);
  state_->look_for_silence();
  state_->look_at_tasks();
  state_->flush(out);
}

Instant Coordinator::next_deadline() const {
  Instant next = Instant::never();
  for (const auto& [id, member] : state_->members.members()) next = std::min(next, state_->silence_due(id, member));
  for (const auto& [id, task] : state_->tasks.tasks()) next = std::min(next, state_->task_due(task));
  return next;
}

std::uint64_t Coordinator::digest() const {
  Fingerprint print;
  print.add(state_->options.term);
  print.add(state_->id_mask);
  print.add(state_->ids_given);
  print.add(state_->broker_up);
  mix(print, state_->broker_up_since);
  state_->members.fingerprint(print);
  state_->measurements.fingerprint(print);
  state_->services.fingerprint(print);
  state_->tasks.fingerprint(print);
  state_->desired.fingerprint(print);
  state_->builds.fingerprint(print);
  return print.value();
}

std::vector<NodeView> Coordinator::nodes() const {
  std::vector<NodeView> out;
  for (const auto& [id, member] : state_->members.members()) out.push_back(view_of(id, member, state_->desired));
  return out;
}

std::vector<TaskView> Coordinator::tasks() const {
  std::vector<TaskView> out;
  for (const auto& [id, task] : state_->tasks.tasks()) out.push_back(task);
  return out;
}

std::optional<TaskView> Coordinator::task(TaskId id) const {
  const Task* found = std::as_const(state_->tasks).find(id);
  return found == nullptr ? std::nullopt : std::optional<TaskView>(*found);
}

std::optional<NodeView> Coordinator::node(const NodeId& id) const {
  const Member* found = state_->members.find(id);
  return found == nullptr ? std::nullopt : std::optional(view_of(id, *found, state_->desired));
}

std::optional<Decision> Coordinator::explain(TaskId id) const {
  const Task* found = std::as_const(state_->tasks).find(id);
  return found == nullptr ? std::nullopt : std::optional(coordinator::explain(state_->view_of(*found)));
}

}  // namespace proxima::coordinator

// Placing: asking, measuring, trying. client_stream.cpp has what follows.
#include "tests/sim/client.hpp"

#include <utility>

#include "tests/sim/region.hpp"

namespace proxima::sim {
namespace {

constexpr Duration ready_patience = Duration::seconds(20);
constexpr Duration run_patience = Duration::seconds(2);
constexpr std::size_t trial_runs = 3;

}  // namespace

struct Client::Trial {
  coordinator::Grant grant;
  DataLinkPtr link;
  coordinator::TrialResult result;
  std::uint64_t sequence = 0;
  bool welcomed = false;
  bool finished = false;
};

Client::Client(Region& region, std::size_t index, protocol::TaskSpec spec, std::uint32_t lease_ms, std::uint64_t seed)
    : region_(region), index_(index), name_("client-" + std::to_string(index)), spec_(std::move(spec)), lease_ms_(lease_ms), rng_(seed) {}

void Client::later(Duration span, EventQueue::Action action) {
  region_.queue().in(span, [this, life = life_, action = std::move(action)] {
    if (lives(life)) action();
  });
}

void Client::start() {
  ++life_;
  phase_ = Phase::placing;
  task_.reset();
  to_try_.clear();
  tried_.clear();
  region_.note(name_, "asks for " + spec_.name);
  region_.ask(
      index_,
      [spec = spec_, lease_ms = lease_ms_](coordinator::RequestId request) {
        return coordinator::TaskRequested{request, spec, false, spec.input.max_bytes / 2, lease_ms};
      },
      [this, life = life_](const std::optional<HttpAnswer>& answer) {
        if (!lives(life)) return;
        const auto* accepted = answer ? std::get_if<coordinator::TaskAccepted>(&answer->body) : nullptr;
        if (accepted == nullptr) return start_over("the request was not taken");
        task_ = accepted->task;
        measure(accepted->targets);
      });
}

void Client::crash() {
  if (phase_ == Phase::dead) return;
  region_.note(name_, "crashes");
  phase_ = Phase::dead;
  ++life_;
  region_.data_plane().client_died(index_);
  for (auto& [session, link] : links_) link->closed = true;
  links_.clear();
  if (watch_) watch_->close();
}

void Client::start_over(const std::string& why) {
  region_.note(name_, "starts over: " + why);
  if (task_)
    region_.ask(
        index_, [task = *task_](coordinator::RequestId request) { return coordinator::StopRequested{request, task, ""}; },
        [](const std::optional<HttpAnswer>&) {});  // best effort: patience ends it otherwise
  later(Duration::seconds(1), [this] { start(); });
}

void Client::measure(const std::vector<coordinator::ProbeTarget>& targets) {
  std::vector<coordinator::NodeMeasurement> nodes;
  for (const auto& target : targets) {
    const std::size_t node = region_.index_of(target.node);
    coordinator::NodeMeasurement measured;
    measured.node = target.node;
    const bool open = region_.network().is_open(client_place(index_), node_place(node));
    measured.reachable = open && region_.node(node).answer() == Answer::accepts;
    if (measured.reachable) {
      const Duration there = region_.network().distance({client_place(index_), node_place(node)});
      measured.rtt_ms = there.ms() * 2 + rng_.unit() * 0.2;
      measured.rtt_error_ms = 0.1;
      measured.rate_mbit = 100.0;
      measured.rate_error_mbit = 1.0;
    }
    nodes.push_back(measured);
  }
  later(Duration::millis(300), [this, nodes] {
    region_.ask(
        index_,
        [task = *task_, nodes](coordinator::RequestId request) { return coordinator::MeasurementsReported{request, task, nodes}; },
        [this, life = life_](const std::optional<HttpAnswer>& answer) {
          if (!lives(life)) return;
          const auto* wanted = answer ? std::get_if<coordinator::TrialsWanted>(&answer->body) : nullptr;
          if (wanted == nullptr) return start_over("the measurements were not taken");
          to_try_.assign(wanted->trials.begin(), wanted->trials.end());
          try_next();
        });
  });
}

void Client::try_next() {
  if (to_try_.empty()) {
    return region_.ask(
        index_,
        [task = *task_, tried = tried_](coordinator::RequestId request) { return coordinator::TrialsReported{request, task, tried}; },
        [this, life = life_](const std::optional<HttpAnswer>& answer) {
          if (!lives(life)) return;
          if (!answer || !answer->view) return start_over("the trials were not taken");
          conclude(*answer->view);
        });
  }
  auto trial = std::make_shared<Trial>();
  trial->grant = to_try_.front();
  to_try_.pop_front();
  trial->result.instance = trial->grant.instance;
  trial->result.epoch = trial->grant.epoch;
  const auto alive = [this, life = life_, trial] { return lives(life) && !trial->finished; };
  trial->link = region_.data_plane().open(
      index_, region_.index_of(trial->grant.node),
      {[this, alive, trial] { if (alive()) greet(trial); },
       [this, alive, trial] { if (alive() && trial->welcomed) trial_done(trial, false, "the connection broke"); },
       [] {},
       [this, alive, trial](const FromAgent& from) { if (alive()) trial_heard(trial, from); }});
  later(ready_patience, [this, trial] {
    if (!trial->finished && !trial->welcomed) trial_done(trial, false, "not ready in time");
  });
}

void Client::greet(const std::shared_ptr<Trial>& trial) {
  if (trial->finished || trial->welcomed) return;
  protocol::Hello hello;
  hello.instance = trial->grant.instance;
  hello.epoch = trial->grant.epoch;
  region_.data_plane().send(trial->link, hello, 0);
}

void Client::trial_heard(const std::shared_ptr<Trial>& trial, const FromAgent& from) {
  const auto run = [&] {
    protocol::Frame frame;
    frame.instance = trial->grant.instance;
    frame.epoch = trial->grant.epoch;
    frame.sequence = ++trial->sequence;
    frame.trial = true;
    if (!region_.data_plane().send(trial->link, frame, 1000)) return trial_done(trial, false, "the connection took no frame");
    later(run_patience, [this, trial, sequence = trial->sequence] {
      if (!trial->finished && trial->sequence == sequence) trial_done(trial, false, "no result");
    });
  };
  if (const auto* welcome = std::get_if<protocol::Welcome>(&from.message)) {
    if (trial->welcomed || welcome->epoch != trial->grant.epoch) return;
    trial->welcomed = true;
    run();
  } else if (const auto* no = std::get_if<protocol::Refused>(&from.message)) {
    const bool wait = !trial->welcomed && (no->code == protocol::RefusalCode::not_ready ||
                                           no->code == protocol::RefusalCode::unknown_instance);
    if (!wait) return trial_done(trial, false, no->reason);
    later(Duration::millis(50), [this, trial] { greet(trial); });
  } else if (const auto* result = std::get_if<protocol::ResultHeader>(&from.message)) {
    if (!trial->welcomed || result->sequence != trial->sequence) return;
    if (result->status != protocol::ResultStatus::ok) return trial_done(trial, false, "failed: " + result->reason);
    trial->result.execute_ms.push_back(static_cast<double>(result->executed_us) / 1000);
    trial->result.queue_ms.push_back(static_cast<double>(result->queued_us) / 1000);
    if (trial->result.execute_ms.size() >= trial_runs) return trial_done(trial, true, "");
    run();
  }
}

void Client::trial_done(const std::shared_ptr<Trial>& trial, bool ok, const std::string& reason) {
  trial->finished = true;
  if (trial->welcomed) region_.data_plane().send(trial->link, protocol::Bye{trial->grant.instance}, 0);
  region_.data_plane().close(trial->link);
  trial->result.ok = ok;
  trial->result.reason = reason;
  tried_.push_back(trial->result);
  try_next();
}

void Client::conclude(const coordinator::TaskView& view) {
  if (view.state == coordinator::TaskState::placed) return open_stream(view);
  if (view.state == coordinator::TaskState::refused) {
    region_.note(name_, "is refused: " + view.reason);
    phase_ = Phase::refused;
    // What refuses it now may be a fault: it comes again once they have stopped, and then the answer stands.
    if (!region_.calm()) later(Duration::seconds(15), [this] { start(); });
    return;
  }
  start_over("the task is " + std::string(coordinator::to_text(view.state)));
}

}  // namespace proxima::sim

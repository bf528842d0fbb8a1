// Random events against the agent's core, with a fetcher, workers and clients that behave as real ones may: invariants
// after each step, then everything is withdrawn and must come to rest with nothing left.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <source_location>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/core/agent.hpp"
#include "common/base/prng.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

using agent::FrameToken;
using agent::InstanceKey;

constexpr std::uint32_t memory_given_mib = 64;

/// Cheap while it holds: these run some millions of times.
void hold(bool invariant, std::source_location where = std::source_location::current()) {
  if (!invariant) BOOST_FAIL("the invariant of line " << where.line() << " does not hold");
}

struct Worker {
  std::uint32_t memory_mib = 0;
  bool ready = false;
  bool stopping = false;
  FrameToken hand;
};

/// The world around one agent, driven by one seed.
class World {
 public:
  explicit World(std::uint64_t seed) : prng_(seed), core_(options()), twin_(options()) {}

  void step() {
    now_ = now_ + Duration::micros(static_cast<std::int64_t>(prng_.below(60'000)));
    const std::uint64_t dice = prng_.below(60);
    if (dice < 1) tell(prng_.below(2) == 0 ? agent::Event(agent::BrokerConnected{}) : agent::Event(agent::BrokerLost{}));
    else if (dice < 4) tell(agent::DesiredReceived{next_wish()});
    else if (dice < 6) repeat_old_wish();
    else if (dice < 12) answer_fetch();
    else if (dice < 18) ready_worker();
    else if (dice < 20) end_worker();
    else if (dice < 32) finish_frame();
    else if (dice < 38) hello();
    else if (dice < 57) send_frame();
    else misbehave();
    if (core_.next_deadline() <= now_) time_passes();
    check();
  }

  /// Withdraws all and lets everything that is under way end.
  void settle() {
    wishes_.clear();
    tell(agent::DesiredReceived{desired(1, ++generation_, {})});
    for (int i = 0; i < 2000 && !core_.supervisor().instances().empty(); ++i) {
      if (!workers_.empty()) {
        auto& [key_of_worker, worker] = *workers_.begin();
        if (worker.stopping) {
          const InstanceKey gone = key_of_worker;
          workers_.erase(gone);
          tell(agent::WorkerGone{gone, "stopped", {}, false});
        }
      }
      finish_frame();
      now_ = now_ + Duration::millis(100);
      time_passes();
      check();
    }
    hold(core_.supervisor().instances().empty());
    hold(workers_.empty());
    hold(kept_.empty());
    hold(fetches_.empty());
    hold(core_.sessions().waiting_bytes() == 0U);
    hold(core_.sessions().sessions() == 0U);
  }

  [[nodiscard]] std::uint64_t handed() const { return handed_.size(); }
  [[nodiscard]] std::uint64_t answered() const { return answered_; }

 private:
  static agent::AgentOptions options() {
    agent::AgentOptions made;
    made.birth.incarnation = 1;
    made.birth.memory_mib = memory_given_mib;
    made.birth.isolation = protocol::Isolation::full;
    return made;
  }

  void tell(const agent::Event& event) {
    agent::Effects out;
    agent::Effects twins;
    core_.handle(event, now_, out);
    twin_.handle(event, now_, twins);
    hold(out.size() == twins.size());
    absorb(out);
  }
  void time_passes() {
    agent::Effects out;
    agent::Effects twins;
    core_.on_time(now_, out);
    twin_.on_time(now_, twins);
    absorb(out);
  }

  void absorb(const agent::Effects& effects) {
    for (const agent::Effect& effect : effects) std::visit([this](const auto& known) { note(known); }, effect);
  }
  void note(const agent::PublishPresence&) {}
  void note(const agent::PublishBeat& effect) { hold(effect.beat.memory_mib_used <= memory_given_mib); }
  void note(const agent::PublishEvent&) {}
  void note(const agent::FetchObject& effect) { hold(fetches_.insert(effect.key).second); }
  void note(const agent::CancelFetch& effect) { hold(fetches_.erase(effect.key) == 1U); }
  void note(const agent::StartWorker& effect) {
    hold(!workers_.contains(effect.key));
    Epoch& highest = started_[effect.key.instance];
    hold(effect.key.epoch > highest);  // never an older life, never the same twice
    highest = effect.key.epoch;
    workers_[effect.key].memory_mib = effect.desired.memory_mib;
  }
  void note(const agent::StopWorker& effect) {
    hold(workers_.contains(effect.key));
    workers_[effect.key].stopping = true;
  }
  void note(const agent::HandOver& effect) {
    hold(workers_.contains(effect.key));
    Worker& worker = workers_[effect.key];
    hold(worker.ready);
    hold(!worker.stopping);
    hold(worker.hand.value == 0U);
    hold(handed_.insert(effect.token).second);
    hold((effect.token == arriving_ || kept_.contains(effect.token)));
    kept_.erase(effect.token);
    worker.hand = effect.token;
  }
  void note(const agent::KeepPayload& effect) {
    hold((effect.token == arriving_));
    kept_.insert(effect.token);
  }
  void note(const agent::DropPayload& effect) { kept_.erase(effect.token); }
  void note(const agent::SendToClient& effect) {
    if (const auto* welcome = std::get_if<protocol::Welcome>(&effect.message)) {
      welcomed_.push_back({effect.peer, {welcome->instance, welcome->epoch}});
      if (welcomed_.size() > 8) welcomed_.erase(welcomed_.begin());
    }
    if (const auto* result = std::get_if<protocol::ResultHeader>(&effect.message)) {
      const auto id = std::make_pair(effect.peer, result->sequence);
      hold(asked_.erase(id) == 1U);  // each frame is answered once
      ++answered_;
      auto& last = last_answered_[{effect.peer, {result->instance, result->epoch}}];
      hold(result->sequence > last);  // in the order in which its session sent them
      last = result->sequence;
    }
    if (const auto* refused = std::get_if<protocol::Refused>(&effect.message); refused != nullptr && refused->sequence != 0)
      hold(asked_.erase(std::make_pair(effect.peer, refused->sequence)) == 1U);
  }

  protocol::Desired next_wish() {
    if (prng_.below(3) == 0 && !wishes_.empty()) wishes_.erase(wishes_.begin());
    if (wishes_.size() < 5) {
      const std::uint64_t instance = 1 + prng_.below(6);
      std::uint32_t& epoch = epochs_[instance];
      ++epoch;
      wishes_[instance] = desired_instance(instance, epoch, static_cast<std::uint32_t>(8 + prng_.below(40)));
    }
    std::vector<protocol::DesiredInstance> list;
    for (const auto& [instance, wish] : wishes_) list.push_back(wish);
    old_wishes_.push_back(desired(1, ++generation_, list));
    return old_wishes_.back();
  }

  void repeat_old_wish() {
    if (!old_wishes_.empty()) tell(agent::DesiredReceived{old_wishes_[prng_.below(old_wishes_.size())]});
  }
  void answer_fetch() {
    if (fetches_.empty()) return;
    const InstanceKey asked = *std::next(fetches_.begin(), static_cast<std::ptrdiff_t>(prng_.below(fetches_.size())));
    fetches_.erase(asked);
    const std::uint64_t dice = prng_.below(6);
    if (dice < 4) tell(agent::ObjectReady{asked, "/o.so"});
    else tell(agent::ObjectUnavailable{asked, dice == 5, "not there"});
  }
  std::map<InstanceKey, Worker>::iterator any_worker() {
    return std::next(workers_.begin(), static_cast<std::ptrdiff_t>(prng_.below(workers_.size())));
  }
  void ready_worker() {
    if (workers_.empty()) return;
    const auto at = any_worker();
    if (at->second.ready) return;
    at->second.ready = true;
    tell(agent::WorkerReady{at->first, 10, 0, protocol::Isolation::full});
  }
  void end_worker() {
    if (workers_.empty()) return;
    const auto at = any_worker();
    if (!at->second.stopping && prng_.below(4) != 0) return;
    const auto [gone, worker] = *at;
    workers_.erase(at);
    tell(agent::WorkerGone{gone, worker.stopping ? "stopped" : "trap: unreachable", worker.hand, !worker.stopping});
  }
  void finish_frame() {
    for (auto& [at, worker] : workers_) {
      if (worker.hand.value == 0 || worker.stopping) continue;
      const FrameToken token = std::exchange(worker.hand, {});
      tell(agent::FrameDone{at, token, prng_.below(8) != 0, -1, 1000, 1000});
      return;
    }
  }
  agent::PeerId any_peer() { return peer(std::string(1, static_cast<char>('a' + prng_.below(6)))); }
  InstanceKey any_key() {
    const std::uint64_t instance = 1 + prng_.below(6);
    const std::uint32_t epoch = epochs_[instance];
    return key(instance, prng_.below(5) == 0 ? epoch - (epoch > 0 ? 1 : 0) : epoch);
  }
  void hello() {
    protocol::Hello message;
    const InstanceKey to = any_key();
    message.instance = to.instance;
    message.epoch = to.epoch;
    tell(agent::ClientSaid{any_peer(), {++tokens_}, message, 0});
  }
  void send_frame() {
    InstanceKey to = any_key();
    agent::PeerId from = any_peer();
    if (!welcomed_.empty() && prng_.below(8) != 0) std::tie(from, to) = welcomed_[prng_.below(welcomed_.size())];
    protocol::Frame message = frame(to.instance.value, to.epoch.value, ++sequence_,
                                    prng_.below(2) == 0 ? 0 : static_cast<std::uint32_t>(1 + prng_.below(400'000)));
    message.resend = prng_.below(8) == 0;
    message.trial = prng_.below(8) == 0;
    asked_.insert(std::make_pair(from, message.sequence));
    arriving_ = {++tokens_};
    tell(agent::ClientSaid{from, arriving_, message, 10});
    arriving_ = {};
  }
  void misbehave() {
    switch (prng_.below(5)) {
      case 0: tell(agent::ClientUnreachable{any_peer()}); break;
      case 1: tell(agent::ClientSaid{any_peer(), {++tokens_}, protocol::Bye{any_key().instance}, 0}); break;
      case 2: tell(agent::FrameDone{any_key(), {prng_.below(100)}, true, 0, 1, 1}); break;
      case 3: tell(agent::ClientSaid{any_peer(), {++tokens_}, protocol::Ping{1}, 0}); break;
      default: tell(agent::ObjectUnavailable{key(99, 1), true, "nobody asked"}); break;
    }
  }

  void check() {
    std::uint64_t held_mib = 0;
    for (const auto& [at, worker] : workers_) held_mib += worker.memory_mib;
    hold(held_mib <= memory_given_mib);
    hold(core_.sessions().sessions() <= limits::sessions_per_agent);
    std::size_t waiting = 0;
    for (const auto& [at, instance] : core_.supervisor().instances()) waiting += core_.sessions().waiting(at);
    hold(waiting == kept_.size());  // a payload is kept exactly while its frame waits
    hold(core_.digest() == twin_.digest());
  }

  Prng prng_;
  agent::Agent core_;
  agent::Agent twin_;
  Instant now_;
  std::uint64_t generation_ = 0;
  std::uint64_t tokens_ = 1000;
  std::uint64_t sequence_ = 0;
  std::uint64_t answered_ = 0;
  std::map<std::uint64_t, std::uint32_t> epochs_;
  std::map<std::uint64_t, protocol::DesiredInstance> wishes_;
  std::vector<protocol::Desired> old_wishes_;
  std::map<InstanceId, Epoch> started_;
  std::set<InstanceKey> fetches_;
  std::map<InstanceKey, Worker> workers_;
  std::set<FrameToken> kept_;
  std::set<FrameToken> handed_;
  FrameToken arriving_;
  std::vector<std::pair<agent::PeerId, InstanceKey>> welcomed_;  // the latest
  std::set<std::pair<agent::PeerId, std::uint64_t>> asked_;
  std::map<std::pair<agent::PeerId, InstanceKey>, std::uint64_t> last_answered_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(agent_properties)

BOOST_AUTO_TEST_CASE(random_events_break_no_invariant_and_everything_comes_to_rest) {
  std::uint64_t handed = 0;
  std::uint64_t answered = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      World world(seed);
      for (int i = 0; i < 1000; ++i) world.step();
      world.settle();
      handed += world.handed();
      answered += world.answered();
    }
  }
  // The walk reaches what it is about.
  BOOST_TEST(handed > 1000U);
  BOOST_TEST(answered > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

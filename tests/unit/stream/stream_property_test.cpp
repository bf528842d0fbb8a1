// Random lives of a stream: agents that answer, stall, forget, die and come back, a coordinator that replaces them, and a
// client that oversleeps. Whatever happens, the invariants hold after every step.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/prng.hpp"
#include "tests/unit/stream/rig.hpp"

namespace proxima::stream {

namespace {

constexpr std::uint64_t lives = 2'500;
constexpr int steps_a_life = 220;

/// One instance on its node, as the client sees it through one session.
struct Peer {
  Epoch epoch;
  std::uint32_t credit = 1;
  bool connected = false;
  bool silent = false;       // takes everything, answers nothing: later, perhaps, all at once
  bool ready = true;
  std::vector<protocol::AgentMessage> held;
};

class Life {
 public:
  explicit Life(std::uint64_t seed) : prng_(seed), core_(options(seed)) {}

  std::uint64_t live() {
    offer(next_epoch(), next_epoch());
    for (int i = 0; i < steps_a_life && broken_.empty(); ++i) step();
    heal();
    return core_.digest();
  }
  [[nodiscard]] const std::string& broken() const { return broken_; }
  [[nodiscard]] const StreamCounters& counters() const { return core_.counters(); }

 private:
  static StreamOptions options(std::uint64_t seed) {
    StreamOptions out;
    if (seed % 4 != 0) out.deadline = Duration::millis(static_cast<std::int64_t>(5 + seed % 300));
    return out;
  }
  Epoch next_epoch() { return Epoch{++epochs_}; }
  bool one_in(std::uint64_t n) { return prng_.below(n) == 0; }

  void step() {
    switch (prng_.below(12)) {
      case 0: case 1: case 2: submit(); break;
      case 3: case 4: case 5: case 6: deliver(); break;
      case 7: pass(static_cast<double>(prng_.below(60))); break;
      case 8: pass(static_cast<double>(prng_.below(6))); break;
      case 9: trouble(); break;
      case 10: if (one_in(3)) coordinate(); break;
      case 11: if (one_in(10)) oversleep(); break;
    }
  }

  void submit() {
    FrameSubmitted frame;
    frame.sequence = ++sequence_;
    frame.bytes = 10;
    frame.at = now_;
    open_.insert(frame.sequence);
    handle(frame);
  }

  /// A random message that some peer owes arrives.
  void deliver() {
    std::vector<std::uint32_t> owing;
    for (const auto& [session, peer] : peers_)
      if (peer.connected && !peer.silent && !peer.held.empty()) owing.push_back(session);
    if (owing.empty()) return;
    const std::uint32_t session = owing[prng_.below(owing.size())];
    Peer& peer = peers_[session];
    const protocol::AgentMessage message = peer.held.front();
    if (!one_in(20)) peer.held.erase(peer.held.begin());  // else it will come twice
    if (one_in(40)) return;                               // lost on the way
    handle(MessageReceived{SessionId{session}, message});
  }

  void trouble() {
    if (peers_.empty()) return;
    auto chosen = peers_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(prng_.below(peers_.size())));
    const SessionId session{chosen->first};
    Peer& peer = chosen->second;
    switch (prng_.below(6)) {
      case 0: peer.silent = !peer.silent; return;
      case 1: case 2:
        peer.held.clear();
        if (std::exchange(peer.connected, !peer.connected)) {
          handle(SessionDisconnected{session});
        } else {
          handle(SessionConnected{session});
        }
        return;
      case 3: peer.ready = !peer.ready; return;
      case 4: handle(SessionRefused{session}); return;
      case 5: {
        if (!one_in(6)) return;
        protocol::Refused refused;
        refused.code = static_cast<protocol::RefusalCode>(1 + prng_.below(9));
        refused.sequence = one_in(2) ? 0 : 1 + prng_.below(sequence_ + 1);
        handle(MessageReceived{session, refused});
        return;
      }
    }
  }

  /// The coordinator speaks: the present state, something older, or a new pair.
  void coordinate() {
    switch (prng_.below(4)) {
      case 0: offer(last_serving_, last_standby_); return;
      case 1: offer(core_.epoch(), next_epoch()); return;
      case 2: offer(next_epoch(), next_epoch()); return;
      case 3: offer(Epoch{static_cast<std::uint32_t>(1 + prng_.below(epochs_))}, next_epoch()); return;
    }
  }

  void offer(Epoch serving, Epoch standby) {
    last_serving_ = serving;
    last_standby_ = standby;
    TaskUpdated update;
    update.serving = grant("n" + std::to_string(serving.value), serving.value);
    update.standby = grant("n" + std::to_string(standby.value), standby.value);
    handle(update);
  }

  void pass(double ms) {
    const Instant end = now_ + Duration::from_ms(ms);
    for (int i = 0; core_.next_deadline() <= end && i < 1000; ++i) {
      now_ = std::max(now_, core_.next_deadline());
      on_time();
    }
    now_ = end;
  }

  void oversleep() {
    now_ = now_ + Duration::millis(static_cast<std::int64_t>(prng_.below(3000)));
    on_time();
  }

  /// Everything works again and time passes: then no frame may be without an outcome.
  void heal() {
    for (int round = 0; round < 900 && broken_.empty() && !open_.empty(); ++round) {
      for (auto& [session, peer] : peers_) {
        peer.silent = false;
        peer.ready = true;
        if (!std::exchange(peer.connected, true)) {
          handle(SessionConnected{SessionId{session}});
          break;  // the table may have changed
        }
      }
      for (int i = 0; i < 20; ++i) deliver();
      pass(30);
    }
    require(open_.empty(), "a frame has no outcome though all was well for long");
    const StreamCounters& count = core_.counters();
    require(count.submitted == count.ok + count.failed + count.dropped_late + count.lost, "the outcomes do not add up");
  }

  void on_time() {
    Effects effects;
    core_.on_time(now_, effects);
    obey(effects);
  }

  void handle(const Event& event) {
    Effects effects;
    core_.handle(event, now_, effects);
    obey(effects);
  }

  void obey(const Effects& effects) {
    require(core_.next_deadline() > now_, "the next deadline is not in the future");
    for (const Effect& effect : effects) std::visit([this](const auto& it) { on(it); }, effect);
  }

  void on(const OpenSession& effect) {
    Peer peer;
    peer.epoch = Epoch{static_cast<std::uint32_t>(std::stoul(effect.endpoint.substr(10)) - 4000)};
    peer.credit = static_cast<std::uint32_t>(1 + prng_.below(4));
    peer.ready = !one_in(4);
    require(!peers_.contains(effect.session.value), "a session is opened twice");
    peers_[effect.session.value] = peer;
  }
  void on(const CloseSession& effect) {
    require(peers_.erase(effect.session.value) == 1, "a session is closed that is not open");
  }
  void on(const SendMessage& effect) {
    const auto found = peers_.find(effect.session.value);
    require(found != peers_.end(), "something is sent to a closed session");
    if (found == peers_.end()) return;
    if (const auto* hello = std::get_if<protocol::Hello>(&effect.message)) answer(found->second, *hello);
    if (const auto* frame = std::get_if<protocol::Frame>(&effect.message)) answer(found->second, *frame);
    if (const auto* ping = std::get_if<protocol::Ping>(&effect.message))
      found->second.held.emplace_back(std::in_place_type<protocol::Pong>, protocol::Pong{ping->token});
  }
  void on(const FrameEnded& effect) {
    require(open_.erase(effect.sequence) == 1, "a frame ended twice, or was never submitted");
    if (effect.outcome != Outcome::ok) return;
    require(effect.sequence > delivered_, "a result was delivered out of order");
    require(effect.epoch == obeyed_, "a result of an epoch was delivered that is not obeyed");
    require(effect.attempts > 0, "a result for a frame that was never sent");
    delivered_ = effect.sequence;
  }
  void on(const ReportTakeover& effect) { require(effect.to == core_.epoch(), "another epoch is reported than obeyed"); }
  void on(const ReportStandbyLost&) {}
  void on(const AskTask&) {}
  void on(const Note&) {}

  void answer(Peer& peer, const protocol::Hello& hello) {
    require(hello.epoch == peer.epoch, "a hello names another epoch");
    if (!peer.ready) {
      protocol::Refused refused;
      refused.code = protocol::RefusalCode::not_ready;
      peer.held.emplace_back(std::in_place_type<protocol::Refused>, refused);
      return;
    }
    protocol::Welcome welcome;
    welcome.instance = hello.instance;
    welcome.epoch = hello.epoch;
    welcome.credit = peer.credit;
    peer.held.emplace_back(std::in_place_type<protocol::Welcome>, welcome);
  }

  void answer(Peer& peer, const protocol::Frame& frame) {
    require(frame.epoch == peer.epoch, "a frame names another epoch than its session");
    require(frame.epoch >= obeyed_, "a frame goes to an older epoch after a newer one");
    obeyed_ = frame.epoch;
    require(open_.contains(frame.sequence), "a frame is sent that has its outcome");
    require(frame.resend || sent_.insert(frame.sequence).second, "a frame is sent twice without saying so");
    protocol::ResultHeader result;
    result.instance = frame.instance;
    result.epoch = frame.epoch;
    result.sequence = frame.sequence;
    result.credit = static_cast<std::uint32_t>(1 + prng_.below(4));
    if (one_in(15)) result.status = static_cast<protocol::ResultStatus>(1 + prng_.below(2));
    peer.held.emplace_back(std::in_place_type<protocol::ResultHeader>, result);
  }

  void require(bool holds, const char* what) {
    if (!holds && broken_.empty()) broken_ = what;
  }

  Prng prng_;
  Stream core_;
  Instant now_{1'000'000'000};
  std::map<std::uint32_t, Peer> peers_;
  std::set<std::uint64_t> open_;
  std::set<std::uint64_t> sent_;
  std::uint64_t sequence_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint32_t epochs_ = 0;
  Epoch obeyed_;
  Epoch last_serving_;
  Epoch last_standby_;
  std::string broken_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(random_lives)

BOOST_AUTO_TEST_CASE(the_invariants_hold_in_every_life_and_equal_seeds_end_equal) {
  StreamCounters all;
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    Life life(seed);
    const std::uint64_t digest = life.live();
    BOOST_REQUIRE_MESSAGE(life.broken().empty(), "seed " << seed << ": " << life.broken());
    all.ok += life.counters().ok;
    all.lost += life.counters().lost;
    all.dropped_late += life.counters().dropped_late;
    all.takeovers += life.counters().takeovers;
    all.moves += life.counters().moves;
    all.stale_refused += life.counters().stale_refused;
    all.duplicates_swallowed += life.counters().duplicates_swallowed;
    if (seed % 100 == 0) BOOST_TEST(Life(seed).live() == digest);
  }
  // The lives are eventful: each kind of thing happens often.
  for (const std::uint64_t count : {all.ok, all.lost, all.dropped_late, all.takeovers, all.moves, all.stale_refused,
                                    all.duplicates_swallowed})
    BOOST_TEST(count > 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::stream

// `failover`: what a stream feels when the node that serves it dies or falls silent, in the default lab. gap: arrival of the
// first affected frame that was answered − max(time of the fault, its submission), on the client's clock.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "common/base/prng.hpp"
#include "tests/bench/bench_region.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/camera.hpp"
#include "tests/support/network.hpp"
#include "tests/support/process.hpp"

namespace proxima::bench {
namespace {

constexpr double kill_goal_ms = 25;
constexpr double kill_most_ms = 60;
constexpr double kill_goal_share = 48.0 / 50.0;
constexpr double silent_goal_ms = 300;
constexpr std::size_t clip_frames = 300;
constexpr auto recover_limit = std::chrono::seconds(60);
constexpr auto calm = std::chrono::milliseconds(1000);         // between faults, once everything is as before
constexpr auto silence = std::chrono::seconds(5);
constexpr auto restart_ms = "500";
constexpr const char* keep_alive_s = "1";

struct Fault {
  std::int64_t at_ns = 0;
  bool aimed = false;       ///< at a moment when a frame should be in flight; otherwise at a random phase
};

struct Gap {
  double ms = 0;
  bool aimed = false;
  bool in_flight = false;   ///< a frame really was unanswered at the fault
  long lost = 0;            ///< frames inside the gap that were not answered
};

/// What contracts say of a fault: the first affected frame that was answered ends the gap. nullopt if none was.
std::optional<Gap> gap_of(const std::vector<Outcome>& sorted, const Fault& fault) {
  const std::int64_t fault_ns = fault.at_ns;
  Gap gap;
  gap.aimed = fault.aimed;
  for (const Outcome& outcome : sorted) {
    const bool unanswered = outcome.in_flight_at(fault_ns);
    if (outcome.submitted_ns <= fault_ns && !unanswered) continue;
    gap.in_flight = gap.in_flight || outcome.submitted_ns <= fault_ns;
    if (outcome.status != FrameStatus::ok) {
      ++gap.lost;
      continue;
    }
    gap.ms = static_cast<double>(outcome.arrived_ns - std::max(fault_ns, outcome.submitted_ns)) / 1e6;
    return gap;
  }
  return std::nullopt;
}

/// A stream of motion in the default lab, and what can be done to the node that serves it.
class Drill {
 public:
  explicit Drill(const Setting& setting)
      : setting_(setting),
        task_(built_task(setting, "motion")),
        frames_(decode(setting, task_, clip_frames)),
        region_(setting, {"--lab", setting.lab, "--restart-delay-ms", restart_ms}),
        random_(setting.seed),
        client_(connect(region_.api())),
        camera_(client_, task_, frames_) {
    camera_.start(now_ns());
    wait_until_whole("");
    if (!whole_) throw std::runtime_error("no standby was ready a minute after the start");
  }

  [[nodiscard]] const BenchRegion& region() const { return region_; }
  [[nodiscard]] Camera& camera() { return camera_; }
  /// After the last fault everything came back: the node, and a standby.
  [[nodiscard]] bool whole() const { return whole_; }

  Fault kill_serving(bool aimed) {
    const std::string node = camera_.stats().node;
    const NodeProcesses victim = region_.processes_of(node);
    const std::int64_t at = camera_.after_next_frame(phase(aimed), [&] { signal_all(victim.all, SIGKILL); });
    wait_until_whole(node, victim.agent);
    return {at, aimed};
  }

  Fault silence_serving() {
    const std::string node = camera_.stats().node;
    const NodeProcesses victim = region_.processes_of(node);
    const std::uint64_t takeovers = camera_.stats().takeovers;
    const std::int64_t at = camera_.after_next_frame(phase(false), [&] { signal_all(victim.all, SIGSTOP); });
    sleep_until_ns(at + std::chrono::nanoseconds(silence).count());
    signal_all(victim.all, SIGCONT);
    if (camera_.stats().takeovers == takeovers) throw std::runtime_error("nothing took over from the silent node " + node);
    wait_until_whole(node);
    return {at, false};
  }

 private:
  static Client connect(const std::string& api) {
    Expected<Client> client = Client::connect(api);
    if (!client) throw std::runtime_error(client.error().text());
    return std::move(*client);
  }

  /// From the submission of a frame to the fault: within the time that frames take of late, or anywhere in a period.
  std::chrono::nanoseconds phase(bool aimed) {
    const auto period = static_cast<std::uint64_t>(frame_period.count());
    if (!aimed) return std::chrono::nanoseconds(random_.below(period));
    std::vector<double> recent;
    const std::vector<Outcome> all = camera_.outcomes();
    for (std::size_t i = all.size() > 30 ? all.size() - 30 : 0; i < all.size(); ++i)
      if (all[i].status == FrameStatus::ok) recent.push_back(all[i].e2e_ms);
    const double most_ms = std::min(0.8 * median(recent), 30.0);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(random_.unit() * most_ms * 1e6));
  }

  /// Until the node is present again (as another process than `not_this`), a standby is ready and some calm has passed.
  void wait_until_whole(const std::string& node, pid_t not_this = 0) {
    const auto whole = [&] {
      const StreamStats stats = camera_.stats();
      if (stats.ok == 0 || stats.standby.empty()) return false;
      if (node.empty()) return true;
      const nlohmann::json one = region_.node(node);
      return one.is_object() && one.value("state", "") == "present" && one.value("pid", 0) != not_this;
    };
    whole_ = tests::eventually(whole, recover_limit);
    if (!whole_) return say_not_whole(node);
    sleep_until_ns(now_ns() + std::chrono::nanoseconds(calm).count());
  }

  void say_not_whole(const std::string& node) const {
    const StreamStats stats = camera_.stats();
    const nlohmann::json one = node.empty() ? nlohmann::json() : region_.node(node);
    setting_.say("not as before a minute after a fault of '" + node + "': served by '" + stats.node + "', standby '" + stats.standby + "', the node is " +
                 (one.is_object() ? one.value("state", "unknown") : "unknown"));
  }

  const Setting& setting_;
  TaskDescription task_;
  std::vector<Pixels> frames_;
  BenchRegion region_;
  bool whole_ = false;
  Prng random_;
  Client client_;
  Camera camera_;
};

std::vector<Gap> gaps_of(Drill& drill, const std::vector<Fault>& faults) {
  std::vector<Outcome> outcomes = drill.camera().outcomes();
  std::sort(outcomes.begin(), outcomes.end(), [](const Outcome& a, const Outcome& b) { return a.sequence < b.sequence; });
  std::vector<Gap> gaps;
  for (const Fault& fault : faults) {
    const std::optional<Gap> gap = gap_of(outcomes, fault);
    if (!gap) throw std::runtime_error("no frame was answered after a fault");
    gaps.push_back(*gap);
  }
  return gaps;
}

std::vector<double> times_of(const std::vector<Gap>& gaps, std::optional<bool> aimed = std::nullopt) {
  std::vector<double> times;
  for (const Gap& gap : gaps)
    if (!aimed || gap.aimed == *aimed) times.push_back(gap.ms);
  return times;
}

/// Milliseconds until an MQTT client with keep-alive alone hears of a silent peer.
double keep_alive_ms(const Setting& setting) {
  setting.say("an MQTT client with keep-alive " + std::string(keep_alive_s) + " s");
  const tests::Broker broker;
  const tests::Finished peer = tests::run({setting.program("proxima-peer-keepalive"), std::to_string(broker.port()), keep_alive_s,
                                           setting.quick ? "2" : "5"}, std::chrono::minutes(5));
  if (peer.status != 0) throw std::runtime_error("proxima-peer-keepalive failed: " + peer.output);
  std::istringstream lines(peer.output);
  std::vector<double> times;
  for (double ms = 0; lines >> ms;) times.push_back(ms);
  return median(times);
}

Row lost_row(const std::string& name, const std::vector<Gap>& gaps) {
  std::vector<double> lost;
  for (const Gap& gap : gaps) lost.push_back(static_cast<double>(gap.lost));
  Row row = row_of("failover", name, "frames", lost);
  row.value = row.max;
  row.goal = "<= 1 a fault";
  row.met = row.max <= 1;
  return row;
}

void add_kill_rows(std::vector<Row>& rows, const std::vector<Gap>& gaps, double mqtt_ms) {
  const std::vector<double> all = times_of(gaps);
  Row kill = row_of("failover", "kill", "ms", all);
  const auto within = std::count_if(all.begin(), all.end(), [](double ms) { return ms <= kill_goal_ms; });
  kill.goal = "48 of 50 <= 25 ms, all <= 60 ms";
  kill.met = static_cast<double>(within) >= kill_goal_share * static_cast<double>(all.size()) && kill.max <= kill_most_ms;
  Row over = row_of("failover", "kill_over_25ms", "kills", {static_cast<double>(kill.n - within)});
  over.n = kill.n;
  rows.push_back(kill);
  rows.push_back(row_of("failover", "kill_frame_in_flight", "ms", times_of(gaps, true)));
  rows.push_back(row_of("failover", "kill_random_phase", "ms", times_of(gaps, false)));
  rows.push_back(over);
  const auto unanswered = std::count_if(gaps.begin(), gaps.end(), [](const Gap& gap) { return gap.in_flight; });
  Row seen = row_of("failover", "kill_seen_in_flight", "kills", {static_cast<double>(unanswered)});
  seen.n = kill.n;
  rows.push_back(seen);
  for (Row& row : rows)
    if (row.unit == "ms") row.peers["mqtt_keepalive"] = mqtt_ms;
  rows.push_back(lost_row("kill_frames_lost", gaps));
}

/// Keeps one core busy with what people really run beside: a compiler, again and again. Ends with the object, after the
/// compilation that is under way.
class Compiler {
 public:
  explicit Compiler(const Setting& setting) {
    std::ofstream(directory_.file("busy.cpp")) << "#include <nlohmann/json.hpp>\n#include <regex>\n"
                                                  "int main() { return nlohmann::json::parse(\"1\").get<int>(); }\n";
    setting.say("a compiler runs beside");
    thread_ = std::thread([this] {
      while (!stopping_ && !failed_)
        failed_ = tests::run({"g++", "-std=c++20", "-O2", "-c", "-o", directory_.file("busy.o"), directory_.file("busy.cpp")}).status != 0;
    });
  }
  ~Compiler() {
    stopping_ = true;
    thread_.join();
  }
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  tests::TempDir directory_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> failed_{false};
  std::thread thread_;
};

Row calm_row(const Setting& setting, Drill& drill) {
  const int seconds = setting.quick ? 20 : 600;
  Compiler compiler(setting);
  const StreamStats before = drill.camera().stats();
  setting.say(std::to_string(seconds) + " s without a fault");
  sleep_until_ns(now_ns() + static_cast<std::int64_t>(seconds) * 1'000'000'000);
  if (compiler.failed()) throw std::runtime_error("the compiler beside does not run");
  const StreamStats after = drill.camera().stats();
  Row row = row_of("failover", "moves_beside_compiler", "moves",
                   {static_cast<double>(after.moves + after.takeovers - before.moves - before.takeovers)});
  row.n = static_cast<long>(after.submitted - before.submitted);
  row.goal = "0";
  row.met = row.value == 0;
  return row;
}

}  // namespace

std::vector<Row> bench_failover(const Setting& setting) {
  const int kills = setting.quick ? 6 : 50;
  const int silences = setting.quick ? 3 : 20;
  const double mqtt_ms = keep_alive_ms(setting);
  Drill drill(setting);
  std::vector<Fault> killed;
  for (int i = 0; i < kills && drill.whole(); ++i) {
    setting.say("kill " + std::to_string(i + 1) + " of " + std::to_string(kills));
    killed.push_back(drill.kill_serving(i % 2 == 0));
  }
  std::vector<Fault> silenced;
  for (int i = 0; i < silences && drill.whole(); ++i) {
    setting.say("silent death " + std::to_string(i + 1) + " of " + std::to_string(silences));
    silenced.push_back(drill.silence_serving());
  }
  const bool whole = drill.whole();
  const Row moves = calm_row(setting, drill);
  drill.camera().stop();

  std::vector<Row> rows;
  add_kill_rows(rows, gaps_of(drill, killed), mqtt_ms);
  const std::vector<Gap> silent_gaps = gaps_of(drill, silenced);
  Row silent = row_of("failover", "silent", "ms", times_of(silent_gaps));
  silent.peers["mqtt_keepalive"] = mqtt_ms;
  silent.goal = "all <= 300 ms";
  silent.met = silent.max <= silent_goal_ms;
  rows.push_back(silent);
  Row unhealed = row_of("failover", "not_healed", "faults", {whole ? 0.0 : 1.0});
  unhealed.n = static_cast<long>(killed.size() + silenced.size());
  unhealed.goal = "0";
  unhealed.met = whole;
  rows.push_back(unhealed);
  rows.push_back(moves);
  return rows;
}

}  // namespace proxima::bench

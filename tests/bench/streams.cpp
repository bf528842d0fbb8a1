// `streams`: sixteen cameras at once on one host beside one. A frame that was not answered within 33 ms counts, whatever
// became of it.
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "common/base/prng.hpp"
#include "tests/bench/bench_region.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/camera.hpp"

namespace proxima::bench {
namespace {

constexpr std::size_t many = 16;
constexpr double limit_ms = 33;
constexpr double goal_share = 1.0 / 10'000;
constexpr std::size_t clip_frames = 300;
constexpr int turns = 2;                              // one camera and sixteen take turns
constexpr std::int64_t lead_ns = 200'000'000;         // from "start" to the first frame

struct Seen {
  std::vector<double> e2e_ms;        ///< of the answered
  std::vector<double> shares_over;   ///< one a stream
  long frames = 0;
  long over = 0;

  void add(const Camera& camera) {
    long mine = 0;
    const std::vector<Outcome> outcomes = camera.outcomes();
    for (const Outcome& outcome : outcomes) {
      const bool answered = outcome.status == FrameStatus::ok;
      if (answered) e2e_ms.push_back(outcome.e2e_ms);
      if (!answered || outcome.e2e_ms > limit_ms) ++mine;
    }
    mine += camera.refused();
    const long all = static_cast<long>(outcomes.size()) + camera.refused();
    frames += all;
    over += mine;
    shares_over.push_back(all > 0 ? static_cast<double>(mine) / static_cast<double>(all) : 1);
  }
  [[nodiscard]] double share() const { return frames > 0 ? static_cast<double>(over) / static_cast<double>(frames) : 1; }
};

struct Stage {
  const Setting& setting;
  const TaskDescription& task;
  const std::vector<Pixels>& frames;
  Client& client;
  Prng& random;
};

/// So many cameras, each at its own phase, for so long.
void play(Stage& stage, std::size_t cameras, double seconds, Seen& seen) {
  std::vector<std::unique_ptr<Camera>> all;
  for (std::size_t i = 0; i < cameras; ++i) {
    stage.setting.say("placing stream " + std::to_string(i + 1) + " of " + std::to_string(cameras));
    all.push_back(std::make_unique<Camera>(stage.client, stage.task, stage.frames));
  }
  stage.setting.say("streaming for " + std::to_string(static_cast<int>(seconds)) + " s");
  const std::int64_t first = now_ns() + lead_ns;
  const auto period = static_cast<std::uint64_t>(frame_period.count());
  for (const auto& camera : all) camera->start(first + static_cast<std::int64_t>(stage.random.below(period)));
  sleep_until_ns(first + static_cast<std::int64_t>(seconds * 1e9));
  for (const auto& camera : all) camera->stop();
  for (const auto& camera : all) seen.add(*camera);
}

}  // namespace

std::vector<Row> bench_streams(const Setting& setting) {
  const double seconds = setting.quick ? 10 : 60;
  TaskDescription task = built_task(setting, "motion");
  task.deadline_ms = limit_ms;
  const std::vector<Pixels> frames = decode(setting, task, clip_frames);
  const BenchRegion region(setting, {});
  Expected<Client> client = Client::connect(region.api());
  if (!client) throw std::runtime_error(client.error().text());
  Prng random(setting.seed);
  Stage stage{setting, task, frames, *client, random};
  Seen one;
  Seen sixteen;
  for (int turn = 0; turn < turns; ++turn) {
    play(stage, 1, seconds / turns, one);
    play(stage, many, seconds / turns, sixteen);
  }
  Row share = row_of("streams", "share_over_33ms", "share", sixteen.shares_over);
  share.value = sixteen.share();
  share.n = sixteen.frames;
  share.peers["one_stream"] = one.share();
  share.goal = "<= 0.0001 (1 in 10 000)";
  share.met = share.value <= goal_share;
  Row middle = row_of("streams", "e2e_p50", "ms", sixteen.e2e_ms);
  middle.peers["one_stream"] = median(one.e2e_ms);
  Row tail = middle;
  tail.row = "e2e_p99";
  tail.value = percentile(sixteen.e2e_ms, 0.99);
  tail.peers["one_stream"] = percentile(one.e2e_ms, 0.99);
  return {share, middle, tail};
}

}  // namespace proxima::bench

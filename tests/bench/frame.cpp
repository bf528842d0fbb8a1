// `frame`: what the path costs around a task. 640×360 grey pixels to the trivial task on one host and 64 bytes back, beside
// the same frame and the same kernel over other transports. All take turns.
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "common/base/prng.hpp"
#include "tests/bench/bench_region.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/camera.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/peers/kernel.hpp"
#include "tests/support/network.hpp"

namespace proxima::bench {
namespace {

constexpr double goal_us = 250;
constexpr double goal_share_of_grpc = 0.9;
constexpr int warm_up = 50;
constexpr auto answer_limit = std::chrono::seconds(10);

TaskDescription trivial_task(const Setting& setting) {
  TaskDescription task = built_task(setting, "trivial");
  task.deadline_ms.reset();  // a frame that is late is a figure here, not a frame to drop
  task.input = {Format::grey8, frame_width, frame_height, 85, frame_bytes};
  return task;
}

/// One frame at a time through a real region: the next is submitted when the answer to the one before is there.
class OneByOne {
 public:
  OneByOne(const Setting& setting, const std::string& api) : task_(trivial_task(setting)), frame_(frame_bytes) {
    Prng random(1);
    for (std::uint8_t& pixel : frame_) pixel = static_cast<std::uint8_t>(random.next());
    Expected<Client> client = Client::connect(api);
    if (!client) throw std::runtime_error(client.error().text());
    client_.emplace(std::move(*client));
    StreamCallbacks callbacks;
    callbacks.on_result = [this](const FrameResult& result) { take(result); };
    Expected<Stream> stream = client_->open(task_, view(task_, frame_), {}, std::move(callbacks));
    if (!stream) throw std::runtime_error(stream.error().text());
    stream_.emplace(std::move(*stream));
  }
  ~OneByOne() { stream_->close(true); }
  OneByOne(const OneByOne&) = delete;
  OneByOne& operator=(const OneByOne&) = delete;

  std::vector<double> exchange(int frames) {
    std::vector<double> times_us;
    for (int i = 0; i < frames; ++i) times_us.push_back(exchange_one());
    return times_us;
  }

 private:
  double exchange_one() {
    ++sequence_;
    std::memcpy(frame_.data(), &sequence_, sizeof sequence_);
    const Answer expected = sum_frame(frame_);
    std::unique_lock lock(mutex_);
    answered_ = false;
    if (const auto taken = stream_->submit(view(task_, frame_)); !taken) throw std::runtime_error(taken.error().text());
    if (!changed_.wait_for(lock, answer_limit, [this] { return answered_; })) throw std::runtime_error("a frame was not answered");
    if (!ok_) throw std::runtime_error("a frame was not served: " + reason_);
    if (answer_ != expected) throw std::runtime_error("a wrong answer came back");
    return time_us_;
  }

  void take(const FrameResult& result) {
    const std::lock_guard lock(mutex_);
    ok_ = result.status == FrameStatus::ok && result.output.size() == answer_bytes;
    if (ok_) std::memcpy(answer_.data(), result.output.data(), answer_bytes);
    reason_ = result.reason;
    time_us_ = (result.e2e_ms - result.execute_ms) * 1e3;
    answered_ = true;
    changed_.notify_all();
  }

  TaskDescription task_;
  Pixels frame_;
  std::uint64_t sequence_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool answered_ = false;
  bool ok_ = false;
  Answer answer_{};
  std::string reason_;
  double time_us_ = 0;
  std::optional<Client> client_;
  std::optional<Stream> stream_;
};

std::vector<std::unique_ptr<PeerProcess>> start_peers(const Setting& setting, const tests::Broker& broker) {
  std::vector<std::unique_ptr<PeerProcess>> peers;
  for (const char* name : {"tcp", "shm", "zmq", "grpc", "mosquitto"}) {
    std::vector<std::string> argv{setting.program(std::string("proxima-peer-") + name)};
    if (argv.front().ends_with("mosquitto")) argv.push_back(std::to_string(broker.port()));
    peers.push_back(std::make_unique<PeerProcess>(name, argv));
  }
  return peers;
}

void append(std::vector<double>& to, const std::vector<double>& more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

std::vector<Row> bench_frame(const Setting& setting) {
  const int rounds = setting.quick ? 5 : 20;
  const int frames = setting.quick ? 100 : 250;
  const BenchRegion region(setting, {});
  setting.say("placing the trivial task");
  OneByOne proxima(setting, region.api());
  const tests::Broker broker;
  const auto peers = start_peers(setting, broker);
  std::vector<double> ours;
  std::map<std::string, std::vector<double>> theirs;
  proxima.exchange(warm_up);
  for (const auto& peer : peers) peer->exchange(warm_up);
  for (int round = 0; round < rounds; ++round) {
    setting.say("round " + std::to_string(round + 1) + " of " + std::to_string(rounds));
    append(ours, proxima.exchange(frames));
    for (const auto& peer : peers) append(theirs[peer->name()], peer->exchange(frames));
  }
  Row row = row_of("frame", "plain", "us", ours);
  Row tail = row;
  tail.row = "plain_p99";
  tail.value = percentile(ours, 0.99);
  for (const auto& [name, times] : theirs) {
    row.peers[name] = median(times);
    tail.peers[name] = percentile(times, 0.99);
  }
  row.goal = "<= 250 us and <= 0.9 x grpc";
  row.met = row.value <= goal_us && row.value <= goal_share_of_grpc * row.peers["grpc"];
  return {row, tail};
}

}  // namespace proxima::bench

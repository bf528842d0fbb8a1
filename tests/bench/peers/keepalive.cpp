// How long a client that has nothing but MQTT's keep-alive needs to learn that its peer is silent: a publisher is stopped
// (SIGSTOP) while it sends 30 messages a second, and its last will is waited for. Paho on both sides, as in Proxima.
//
//   proxima-peer-keepalive BROKER_PORT KEEP_ALIVE_S ROUNDS     one number a line: milliseconds from the stop to the will
#include <chrono>
#include <csignal>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <mqtt/async_client.h>

#include "common/base/prng.hpp"
#include "tests/support/process.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* frame_topic = "bench/alive";
constexpr const char* will_topic = "bench/gone";
constexpr auto frame_period = 33ms;
constexpr auto will_limit = 60s;

std::string broker(const std::string& port) { return "tcp://127.0.0.1:" + port; }

/// Publishes until it is killed.
int publish(const std::string& port, int keep_alive_s) {
  mqtt::async_client client(broker(port), "");
  mqtt::connect_options options;
  options.set_clean_session(true);
  options.set_keep_alive_interval(std::chrono::seconds(keep_alive_s));
  options.set_will(mqtt::will_options(will_topic, std::string("gone"), 1, false));
  client.connect(options)->wait();
  client.publish(frame_topic, "frame", 5, 0, false)->wait();
  std::puts("ready");
  std::fflush(stdout);
  for (auto due = Clock::now();; due += frame_period) {
    std::this_thread::sleep_until(due);
    client.publish(frame_topic, "frame", 5, 0, false);
  }
}

class Watcher {
 public:
  explicit Watcher(const std::string& port) : client_(broker(port), "") {
    client_.set_message_callback([this](mqtt::const_message_ptr) {
      const std::lock_guard lock(mutex_);
      seen_ = Clock::now();
      changed_.notify_all();
    });
    client_.connect()->wait();
    client_.subscribe(will_topic, 1)->wait();
  }

  /// When the will came; nullopt if it did not come within the limit.
  std::optional<Clock::time_point> next_will() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, will_limit, [this] { return seen_.has_value(); });
    return std::exchange(seen_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Clock::time_point> seen_;
  mqtt::async_client client_;
};

double silence_once(Watcher& watcher, const char* self, const char* port, const char* keep_alive, proxima::Prng& random) {
  proxima::tests::Process publisher({self, "publish", port, keep_alive});
  if (!publisher.wait_for_output("ready")) throw std::runtime_error("the publisher does not publish: " + publisher.output());
  std::this_thread::sleep_for(std::chrono::milliseconds(500 + random.below(1000)));  // anywhere between two pings
  const auto stopped = Clock::now();
  publisher.signal(SIGSTOP);
  const auto seen = watcher.next_will();
  if (!seen) throw std::runtime_error("no will came");
  publisher.signal(SIGKILL);
  return std::chrono::duration<double, std::milli>(*seen - stopped).count();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4 && std::string(argv[1]) == "publish") return publish(argv[2], std::atoi(argv[3]));
    if (argc != 4) {
      std::fputs("usage: proxima-peer-keepalive BROKER_PORT KEEP_ALIVE_S ROUNDS\n", stderr);
      return 2;
    }
    Watcher watcher(argv[1]);
    proxima::Prng random(1);
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
      std::printf("%.1f\n", silence_once(watcher, argv[0], argv[1], argv[2], random));
      std::fflush(stdout);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "proxima-peer-keepalive: %s\n", error.what());
    return 1;
  }
}

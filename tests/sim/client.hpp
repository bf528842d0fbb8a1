// One simulated client: asks for a task, measures, tries, and then a real stream core with what stands around it in the
// client library: sessions, the link to the coordinator that says things again until they are heard, and the watch of the
// task. Owned by the simulated region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/prng.hpp"
#include "coordinator/core/coordinator.hpp"
#include "sdk/core/stream.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/data_plane.hpp"

namespace proxima::sim {

class Region;
struct HttpAnswer;

/// An instance by the number of the node that runs it.
struct Instance {
  agent::InstanceKey key;
  std::size_t node = 0;
};

class Client {
 public:
  enum class Phase : std::uint8_t { placing, streaming, refused, ended, dead };

  /// `lease_ms` 0: the coordinator, not the client, decides when to leave a node, and the task outlives its client.
  Client(Region& region, std::size_t index, protocol::TaskSpec spec, std::uint32_t lease_ms, std::uint64_t seed);

  /// Asks for its task; where that fails, again.
  void start();
  void crash();
  /// Hands over `count` frames, one each `pace`.
  void burst(std::uint32_t count, Duration pace);
  /// What the coordinator shows of the task has changed; over the watch's connection.
  void show(const coordinator::TaskView& view);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] const std::optional<TaskId>& task() const { return task_; }
  [[nodiscard]] bool has_lease() const { return lease_ms_ != 0; }
  [[nodiscard]] const stream::Stream* stream() const { return core_ ? &*core_ : nullptr; }
  [[nodiscard]] const StreamCheck& check() const { return check_; }
  [[nodiscard]] std::uint64_t last_delivered() const { return last_delivered_; }
  [[nodiscard]] std::uint64_t submitted() const { return sequence_; }

 private:
  struct Trial;
  struct Wishes {
    std::optional<stream::ReportTakeover> takeover;
    std::optional<Epoch> standby_lost;
    bool ask = false;
    bool report = false;
    [[nodiscard]] bool any() const { return takeover || standby_lost || ask || report; }
  };

  // Placing.
  void start_over(const std::string& why);
  void measure(const std::vector<coordinator::ProbeTarget>& targets);
  void try_next();
  void trial_heard(const std::shared_ptr<Trial>& trial, const FromAgent& from);
  void trial_done(const std::shared_ptr<Trial>& trial, bool ok, const std::string& reason);
  void greet(const std::shared_ptr<Trial>& trial);
  void conclude(const coordinator::TaskView& view);

  // Streaming.
  void open_stream(const coordinator::TaskView& view);
  void update(const coordinator::TaskView& view);
  void step(const stream::Event& event);
  void on_time();
  void arm();
  void perform_all(const stream::Effects& effects);
  void received(stream::SessionId session, FromAgent from);
  void perform(const stream::OpenSession& effect);
  void perform(const stream::CloseSession& effect);
  void perform(const stream::SendMessage& effect);
  void perform(const stream::FrameEnded& effect);
  void perform(const stream::ReportTakeover& effect);
  void perform(const stream::ReportStandbyLost& effect);
  void perform(const stream::AskTask& effect);
  void perform(const stream::Note& effect);
  void plant_in(stream::Effects& effects);

  // The link to the coordinator.
  void speak();
  void say_next();
  void said(const std::optional<HttpAnswer>& answer, const Wishes& rest);
  void report_every_second();
  void watch();

  [[nodiscard]] bool lives(std::uint64_t life) const { return life == life_ && phase_ != Phase::dead; }
  void later(Duration span, EventQueue::Action action);

  Region& region_;
  std::size_t index_;
  std::string name_;
  protocol::TaskSpec spec_;
  std::uint32_t lease_ms_;
  Prng rng_;
  Phase phase_ = Phase::placing;
  std::uint64_t life_ = 0;                 // of one attempt to place
  std::optional<TaskId> task_;
  std::deque<coordinator::Grant> to_try_;
  std::vector<coordinator::TrialResult> tried_;

  std::optional<stream::Stream> core_;
  std::map<stream::SessionId, DataLinkPtr> links_;
  std::map<stream::SessionId, Instance> greeted_;  // by the last hello
  std::deque<stream::Event> pending_;
  bool stepping_ = false;
  Instant armed_ = Instant::never();
  std::uint64_t sequence_ = 0;
  std::uint64_t last_delivered_ = 0;
  StreamCheck check_;
  std::optional<agent::InstanceKey> made_by_;      // of the message at hand
  std::optional<stream::FrameEnded> held_;         // by a plant

  Wishes wishes_;
  bool speaking_ = false;
  Duration again_ = Duration::millis(200);
  PipePtr watch_;
  std::uint64_t watches_ = 0;
};

}  // namespace proxima::sim

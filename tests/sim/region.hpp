// The simulated region: the real coordinator core, nodes and clients under one virtual clock, the network between them,
// and the faults. One seed gives one run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/fingerprint.hpp"
#include "coordinator/core/coordinator.hpp"
#include "tests/sim/broker.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/data_plane.hpp"
#include "tests/sim/node.hpp"
#include "tests/sim/plant.hpp"

namespace proxima::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  bool trace = false;          ///< every event to stdout
  Plant plant = Plant::none;
};

/// What a run had in it, so that a test can tell that the faults were there.
struct RunCounts {
  std::uint64_t steps = 0;
  std::uint64_t frames = 0;
  std::uint64_t delivered = 0;
  std::uint64_t stale_refused = 0;
  std::uint64_t duplicates_swallowed = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t moves = 0;
  std::uint64_t placed = 0;
  std::uint64_t refused = 0;
  std::uint64_t stopped = 0;
  std::uint64_t faults = 0;
  std::uint64_t digest = 0;
};

enum class BuildState : std::uint8_t { running, built, failed };

/// How likely what goes wrong by itself is; all zero once the faults have stopped.
struct Likelihoods {
  double start_fails = 0;
  double trap = 0;
  double frame_fails = 0;
  double build_fails = 0;
  double request_lost = 0;
};

/// A request's answer, and the task as it then is.
struct HttpAnswer {
  std::variant<coordinator::TaskAccepted, coordinator::TrialsWanted, coordinator::TaskAnswer, coordinator::RequestRefused> body;
  std::optional<coordinator::TaskView> view;
};

class Region {
 public:
  explicit Region(const RunOptions& options);
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  /// The whole run; a broken invariant is thrown as a Violation.
  RunCounts run();

  [[nodiscard]] Instant now() const { return queue_.now(); }
  [[nodiscard]] EventQueue& queue() { return queue_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Broker& broker() { return broker_; }
  [[nodiscard]] DataPlane& data_plane() { return data_plane_; }
  [[nodiscard]] EpochCheck& checks_of_epochs() { return epochs_; }
  [[nodiscard]] WorkerCheck& checks_of_workers() { return workers_; }
  [[nodiscard]] const Likelihoods& faults() const { return likelihoods_; }
  [[nodiscard]] Plant plant() const { return options_.plant; }
  [[nodiscard]] bool calm() const { return calm_; }
  [[nodiscard]] RunCounts& counts() { return counts_; }
  [[nodiscard]] const Node& node(std::size_t index) const { return *nodes_[index]; }
  [[nodiscard]] std::size_t index_of(const NodeId& id) const { return id.bytes[0] - std::size_t{1}; }
  [[nodiscard]] BuildState build_of(const Digest& module, const std::string& target) const;

  /// A client's request over HTTP; no answer after a while is nullopt.
  void ask(std::size_t client, std::function<coordinator::Event(coordinator::RequestId)> make,
           std::function<void(const std::optional<HttpAnswer>&)> answered);
  /// Opens the stream of changes of a task to a client; nullptr if the line is cut.
  [[nodiscard]] PipePtr watch(std::size_t client, TaskId task);

  void note(const std::string& who, const std::string& what);

 private:
  using BuildKey = std::pair<Digest, std::string>;
  struct Watch {
    std::size_t client = 0;
    TaskId task;
    std::weak_ptr<Pipe> pipe;
  };

  void make_region();
  void connect_coordinator();
  void received(const Publication& message);
  void handle(const coordinator::Event& event);
  void on_time();
  void arm();
  void perform_all(const coordinator::Effects& effects);
  void send(const coordinator::SendDesired& effect);
  void build(const coordinator::RequestBuild& effect);
  void tell_watchers(TaskId task);

  // faults.cpp
  void plan_faults();
  void make_fault();
  void fault_of_node(std::size_t index, Duration lasts);
  void fault_of_line(Duration lasts);
  void cut(Place a, Place b, Duration lasts);
  void heal();

  // settling.cpp
  void run_until(Instant end);
  void settle();
  [[nodiscard]] std::optional<Violation> unsettled() const;
  [[nodiscard]] std::optional<Violation> unconverged() const;
  [[nodiscard]] std::optional<Violation> unserved(const Client& client) const;
  void check_tasks() const;
  void last_burst();
  void mix_digest();

  RunOptions options_;
  Prng rng_;
  EventQueue queue_;
  Network network_;
  Broker broker_;
  DataPlane data_plane_;
  EpochCheck epochs_;
  WorkerCheck workers_;
  Likelihoods likelihoods_;
  bool calm_ = false;                       // the faults have stopped
  std::optional<coordinator::Coordinator> core_;
  Instant armed_ = Instant::never();
  MqttSessionPtr session_;
  std::uint64_t requests_ = 0;
  std::optional<HttpAnswer> answer_;        // to the request at hand
  std::map<BuildKey, BuildState> builds_;
  std::vector<Watch> watches_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  Fingerprint digest_;
  RunCounts counts_;
};

}  // namespace proxima::sim

// A lab that runs: a pair of paths for every node, and the one place that ticks them all. Owned by main; loop thread only.
#pragma once

#include <uv.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sdk/netlab/core/wake_lead.hpp"
#include "sdk/netlab/io/path.hpp"
#include "sdk/netlab/lab_file.hpp"
#include "sdk/netlab/request.hpp"

namespace proxima::netlab {

class RunningLab {
 public:
  /// Opens all sockets of the lab. `seed` decides jitter and loss.
  [[nodiscard]] static Result<std::unique_ptr<RunningLab>> open(uv_loop_t* loop, const Lab& lab, std::uint64_t seed);
  ~RunningLab();
  RunningLab(const RunningLab&) = delete;
  RunningLab& operator=(const RunningLab&) = delete;

  /// Does what is asked. The answer's own fields, or why not (an unknown node, a port that cannot be listened on).
  [[nodiscard]] Result<nlohmann::json> apply(const Request& request);

  /// The line that `serve` prints once all is open.
  [[nodiscard]] nlohmann::json ready() const;

 private:
  struct Node {
    std::string name;
    LinkShape shape;
    std::unique_ptr<Path> frames;
    std::unique_ptr<Path> control;
    std::size_t frames_listener = 0;
    std::size_t api_listener = 0;
    std::size_t broker_listener = 0;
    std::optional<Endpoint> echo_backend;
  };

  explicit RunningLab(uv_loop_t* loop);
  [[nodiscard]] Result<void> add_node(const LabNode& config, std::uint64_t seed);
  [[nodiscard]] Result<Node*> node(const std::string& name);
  [[nodiscard]] static nlohmann::json endpoints(const Node& node);
  [[nodiscard]] static nlohmann::json status_of(const Node& node);

  Result<nlohmann::json> act(const SetBackend& request);
  Result<nlohmann::json> act(const SetTargets& request);
  Result<nlohmann::json> act(const SetShape& request);
  Result<nlohmann::json> act(const Cut& request);
  Result<nlohmann::json> act(const Heal& request);
  Result<nlohmann::json> act(const AskStatus& request);

  void tick();

  uv_loop_t* loop_;
  std::vector<Node> nodes_;
  WakeLead wake_lead_;
  Alarm alarm_;
  uv_check_t* after_poll_;  // lives until the loop has closed it
};

}  // namespace proxima::netlab

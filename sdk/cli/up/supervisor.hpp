// Starts a region's processes in order (broker, netlab, coordinator, builder, agents), waits until each serves, restarts
// what dies and stops everything at the end. Owned by `proxima up`; everything on the loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/loop.hpp"
#include "sdk/cli/up/child.hpp"
#include "sdk/cli/up/run_directory.hpp"
#include "sdk/netlab/lab_file.hpp"

namespace proxima::cli {

struct RegionOptions {
  std::string directory;               ///< absolute, held by a RunLock
  std::string region = "home";
  std::string programs;                ///< where proxima-agent and the others are
  std::string mosquitto;               ///< absolute path
  std::string lab_path;                ///< empty: one agent, no netlab
  std::vector<netlab::LabNode> nodes;  ///< the agents
  std::uint16_t api_port = 0;          ///< 0: any free one
  std::uint16_t broker_port = 0;
  Duration restart_delay = Duration::millis(500);
  std::string log_level = "info";
};

class Supervisor {
 public:
  Supervisor(io::Loop& loop, RegionOptions options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::function<void(const std::string& line)> on_progress;  ///< words for people
  std::function<void()> on_ready;                            ///< everything serves, for the first time
  std::function<void(const Error&)> on_failed;               ///< the region cannot be started or kept; call stop()

  void start();
  /// Asks every process to end, then kills what is left; the destructor reaps.
  void stop();
  [[nodiscard]] RunState state() const;

 private:
  enum class Stage { broker, netlab, coordinator, builder, agents, joining, ready, stopping };

  struct Part {
    std::string name;
    std::string role;
    std::function<std::vector<std::string>()> argv;
    std::function<void(const std::string& line)> on_line;
    std::unique_ptr<Child> child;
    std::unique_ptr<io::Timer> restart;
    Duration delay;
    bool serving = false;
  };

  void next_stage();
  void start_broker();
  void poll_broker();
  void start_netlab();
  void start_coordinator();
  void start_builder();
  void start_agents();
  void poll_nodes();
  Part& add_part(std::string name, std::string role, std::function<std::vector<std::string>()> argv);
  void launch(Part& part);
  void on_part_line(Part& part, const std::string& line);
  void on_part_exit(Part& part, const std::string& how);
  void refuse_start(const Part& part, const std::string& how);
  void serves(Part& part);
  void tell_netlab(std::vector<std::string> command, Part* then);
  void write_state() const;
  [[nodiscard]] std::vector<std::string> agent_argv(const netlab::LabNode& node) const;
  [[nodiscard]] Result<void> write_broker_configuration() const;
  [[nodiscard]] std::string path(const std::string& name) const { return options_.directory + "/" + name; }
  void give_up(const Error& error);

  io::Loop& loop_;
  RegionOptions options_;
  Stage stage_ = Stage::broker;
  std::map<std::string, std::unique_ptr<Part>> parts_;
  io::Timer broker_poll_;
  io::Timer nodes_poll_;
  io::Timer start_limit_;
  std::uint16_t broker_port_ = 0;
  std::string api_;
  struct Relay {
    std::string frames, echo, api, broker;
  };
  std::map<std::string, Relay> relays_;
  std::vector<std::unique_ptr<Child>> errands_;  // short netlab commands
  double started_ms_ = 0;
};

}  // namespace proxima::cli

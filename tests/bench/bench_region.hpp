// A region of real programs for one benchmark: `proxima up` in a directory of its own, gone with the object. One thread.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include <nlohmann/json.hpp>

#include "tests/bench/benches.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::bench {

/// A node and all the processes that die with it.
struct NodeProcesses {
  pid_t agent = 0;
  std::vector<pid_t> all;  ///< agent, workers, host-function processes
};

class BenchRegion {
 public:
  /// Waits until it is ready; `arguments` are more words for `proxima up` ("--lab", FILE). Throws with its output.
  BenchRegion(const Setting& setting, const std::vector<std::string>& arguments);
  ~BenchRegion();
  BenchRegion(const BenchRegion&) = delete;
  BenchRegion& operator=(const BenchRegion&) = delete;

  [[nodiscard]] const std::string& api() const { return api_; }
  /// "127.0.0.1:PORT".
  [[nodiscard]] const std::string& broker() const { return broker_; }
  /// The process of a role ("agent", "broker") as it was at the start; 0 if there is none.
  [[nodiscard]] pid_t pid_of(const std::string& role) const;
  /// What the coordinator says of a node; null if it does not know it or does not answer.
  [[nodiscard]] nlohmann::json node(const std::string& name) const;
  /// Throws if the node is unknown.
  [[nodiscard]] NodeProcesses processes_of(const std::string& name) const;

 private:
  void wait_for_nodes() const;

  tests::TempDir directory_;
  tests::Process up_;
  std::string api_;
  std::string broker_;
  nlohmann::json processes_;
};

/// SIGKILL, SIGSTOP, … to each; never to 0, 1 or a group.
void signal_all(const std::vector<pid_t>& pids, int number);

}  // namespace proxima::bench

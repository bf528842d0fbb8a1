// A whole region of real programs for one test: the lab is written out, `proxima up` runs in a directory of its own, and
// everything is gone with the object. Verbs are run as a user would, with --json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::tests {

/// The folder of the programs under test.
[[nodiscard]] std::string program(const std::string& name);

/// The demo's clip if scripts/fetch-clip has brought it, else "synthetic".
[[nodiscard]] std::string clip();

/// The last line of a program's output that is a JSON object; null if there is none.
[[nodiscard]] nlohmann::json last_object(const std::string& output);

struct LabRow {
  std::string name;
  double rtt_ms = 1;
  double rate_mbit = 1000;
  int memory_mib = 256;
  bool vision = false;
  int cpu_percent = 100;
  double loss_percent = 0;
};

/// The text of a lab file.
[[nodiscard]] std::string lab_text(const std::vector<LabRow>& rows);

/// The default lab's five devices without the cloud mark (a comparison run would only cost time).
[[nodiscard]] std::vector<LabRow> five_devices();

class Region {
 public:
  /// Starts it and waits until it is ready; throws with the log if it is not. `up` finds the region's programs beside itself.
  explicit Region(const std::vector<LabRow>& lab, const std::string& up = program("proxima"));
  ~Region();

  [[nodiscard]] std::string directory() const { return temporary_.file("run"); }
  [[nodiscard]] std::string file(const std::string& name) const { return temporary_.file(name); }
  /// Runs `proxima VERB… --dir DIR --json` and gives its last object.
  nlohmann::json ask(std::vector<std::string> words);
  /// The same, in the background.
  std::unique_ptr<Process> begin(std::vector<std::string> words);
  Finished netlab(std::vector<std::string> words);
  [[nodiscard]] nlohmann::json state() const;

 private:
  TempDir temporary_;
  std::unique_ptr<Process> up_;
};

}  // namespace proxima::tests

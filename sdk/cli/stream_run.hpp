// One run of `proxima stream`: several tasks on one source in real time. Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/cli/line_file.hpp"
#include "sdk/cli/region_access.hpp"
#include "sdk/cli/stream_ledger.hpp"
#include "sdk/cli/task_argument.hpp"
#include "sdk/src/input.hpp"
#include "sdk/src/source.hpp"

namespace proxima::cli {

struct StreamArguments {
  RegionAccess access;
  std::vector<std::string> tasks;
  std::string source = "synthetic";
  double fps = 30;
  double seconds = 0;                    ///< 0: not limited
  std::uint64_t frames = 0;              ///< of each task; 0: not limited
  std::string results;
  std::string events;
  std::string pin;
  bool no_contract = false;
};

class StreamRun {
 public:
  explicit StreamRun(const StreamArguments& arguments) : arguments_(arguments) {}
  /// The exit status.
  int run();

 private:
  struct Feed {
    std::string name;
    std::optional<TaskDescription> description;
    bool ours = false;                   // placed by this run, and stopped with it
    double deadline_ms = 0;
    bool judged = false;                 // the deadline is a promise here
    double rate_hz = 1;
    protocol::InputSpec input;
    std::optional<Placement> placement;
    std::optional<Stream> stream;
    std::unique_ptr<StreamLedger> ledger;
    std::int64_t next_due_ns = 0;        // since the beginning
    std::uint64_t submitted = 0;
    std::uint64_t refused = 0;
    std::optional<media::Payload> payload;
    SubmittedFrame frame;
    StreamStats stats;                   // once closed
  };

  Expected<Done> prepare();
  Expected<Done> open(const std::string& argument);
  Expected<Done> start(Feed& feed, const TaskArgument& task);
  void await_nodes();
  Expected<Done> play();
  Expected<Done> convert(std::int64_t at_ns);
  void submit();
  void live_line(std::int64_t at_ns);
  void finish();
  int report();
  [[nodiscard]] bool over(std::int64_t at_ns) const;
  [[nodiscard]] static bool kept(const Feed& feed);
  [[nodiscard]] client::Json json_of(const Feed& feed) const;
  void print_summary() const;

  const StreamArguments& arguments_;
  std::string api_;
  LineFile results_;
  LineFile events_;
  std::unique_ptr<media::Source> source_;
  media::Picture picture_;
  std::optional<Client> client_;
  std::vector<std::unique_ptr<Feed>> feeds_;
  std::int64_t begun_ns_ = 0;
  std::int64_t next_live_ns_ = 0;
  std::uint64_t skipped_ = 0;  ///< pictures
  std::string stopped_by_;               // what ended it before its time; empty: nothing
};

}  // namespace proxima::cli

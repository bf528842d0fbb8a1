// Counts one task's stream from what its callbacks tell, for the summary and the JSON of `proxima stream`.
// Any thread: the library's thread reports, the main thread submits and reads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sdk/cli/line_file.hpp"
#include "sdk/include/proxima/client.hpp"
#include "sdk/src/api_json.hpp"

namespace proxima::cli {

/// What the main thread knows of a frame that it submits.
struct SubmittedFrame {
  std::uint64_t source_frame = 0;
  std::uint32_t bytes = 0;
  std::string input_sha256;
};

struct LedgerFigures {
  std::uint64_t submitted = 0;
  std::uint64_t in_time = 0;
  std::uint64_t answered = 0;
  std::optional<double> p95_ms;          ///< end to end
};

class StreamLedger {
 public:
  StreamLedger(std::string task, LineFile& results, LineFile& events)
      : task_(std::move(task)), results_(results), events_(events) {}

  /// Calls `submit` and writes down what it returned before any callback can speak of it.
  Expected<std::uint64_t> submit(const SubmittedFrame& frame, const std::function<Expected<std::uint64_t>()>& submit);
  void on_result(const FrameResult& result);
  void on_event(const StreamEvent& event);
  /// Writes an event of our own: "decision", "closed". Fields are added to its time and task.
  void event(const char* name, client::Json fields);

  /// Fills in what is counted here of demo.schema.json's `task`.
  void fill(client::Json& task) const;
  [[nodiscard]] LedgerFigures figures() const;
  /// Of the results since the last call: how many, and their p95.
  [[nodiscard]] LedgerFigures take_recent();

 private:
  void write_result(const FrameResult& result, const SubmittedFrame& frame);

  std::string task_;
  LineFile& results_;
  LineFile& events_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, SubmittedFrame> open_;
  std::uint64_t highest_delivered_ = 0;
  std::map<std::uint64_t, std::uint32_t> delivered_;   // how often: only the last delivered_memory sequences
  std::uint64_t submitted_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t out_of_order_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t items_ = 0;
  std::vector<double> e2e_ms_;
  std::vector<double> network_ms_;
  std::vector<double> queue_ms_;
  std::vector<double> execute_ms_;
  std::size_t recent_from_ = 0;
  client::Json moves_ = client::Json::array();

  static constexpr std::size_t delivered_memory = 4096;
};

}  // namespace proxima::cli

// The client library: find the node that keeps a task's contract, stream frames to it, get results back.
//
//   auto task = proxima::load_task("tasks/motion");
//   auto client = proxima::Client::connect("http://127.0.0.1:7700");
//   auto stream = client->open(*task, first_frame, {}, {.on_result = [](const proxima::FrameResult& r) { … }});
//   stream->submit(frame);
//
// Errors are values: see Expected. Client and Stream are handles; their methods may be called from any thread. Callbacks
// come on one thread of the library and must return soon: while one runs, no frame leaves and no result arrives.
// Only the standard library is needed to compile against this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace proxima {

enum class ProblemKind : std::uint8_t {
  failed,       ///< something went wrong; the text says what
  usage,        ///< an argument or a file is not as it must be
  unreachable,  ///< no answer from the coordinator
  not_placed,   ///< no node keeps the contract
  timed_out,
};

/// What went wrong, in the order in which a person asks.
struct Problem {
  ProblemKind kind = ProblemKind::failed;
  std::string what;  ///< what failed
  std::string why;   ///< the cause
  std::string hint;  ///< what to try; may be empty

  /// "what: why; hint" on one line.
  [[nodiscard]] std::string text() const {
    std::string out = what;
    if (!why.empty()) out += ": " + why;
    if (!hint.empty()) out += "; " + hint;
    return out;
  }
};

/// A value or a Problem; reading the wrong one ends the program. Member names are those of std::expected.
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Expected(Problem problem) : state_(std::move(problem)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] T& value() { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Problem& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Problem> state_;
};

/// The value of an Expected that only says whether something worked.
struct Done {};

// ---- what is asked for

enum class Format : std::uint8_t { bytes = 0, grey8 = 1, jpeg_grey = 2 };

/// What a task wants to be fed with.
struct InputShape {
  Format format = Format::bytes;
  std::uint16_t width = 0;              ///< 0: as it is
  std::uint16_t height = 0;
  std::uint8_t quality = 85;            ///< of a JPEG
  std::uint32_t max_bytes = 1U << 20U;
};

struct TaskDescription {
  std::string name;
  std::string version;
  std::vector<std::uint8_t> module;     ///< the .wasm itself
  std::optional<double> deadline_ms;    ///< none: never refused for time
  std::optional<double> p95_ms;
  double rate_hz = 1;                   ///< frames a second that the source will send
  std::uint32_t memory_mib = 16;
  std::vector<std::string> functions;   ///< host functions: "vision"
  InputShape input;
};

/// Reads a manifest (`task.toml`, or a directory that has one) and the module it names. All mistakes of the manifest are
/// in the Problem's `why`, one a line as `file:line:column: …`; its kind is then `usage`.
[[nodiscard]] Expected<TaskDescription> load_task(const std::string& path);

/// One frame, borrowed for the length of a call.
struct FrameView {
  std::span<const std::uint8_t> bytes;
  Format format = Format::bytes;
  std::uint16_t width = 0;
  std::uint16_t height = 0;
};

struct PlaceOptions {
  std::string pinned_node;              ///< a node's name or id; empty: any
  bool with_contract = true;            ///< false: deadline and p95 are left out
  std::uint32_t lease_ms = 0;           ///< the task is stopped when its client is silent for longer; 0: never
  std::function<void(const std::string& step)> on_progress;  ///< "measuring 5 nodes"; on the caller's thread
};

// ---- what was decided

using Quantity = std::variant<std::monostate, double, std::string>;  ///< monostate: not known

struct BlockedBy {
  std::string what;                     ///< "deadline_ms", "host_function", …
  Quantity needed;
  Quantity had;
};

struct LatencyTerms {
  double rtt = 0;
  double transfer = 0;
  double queue = 0;
  double service = 0;
};

/// All that was known of one node; times in milliseconds.
struct NodeJudgement {
  std::string node;                     ///< its name
  bool feasible = false;
  std::optional<double> rtt_ms;
  std::optional<double> rtt_error_ms;
  std::optional<double> rate_mbit;
  std::optional<LatencyTerms> terms_ms;
  std::optional<double> predicted_ms;
  std::optional<double> predicted_error_ms;
  std::vector<BlockedBy> blocked;       ///< every constraint that failed
  std::optional<double> fits_if_deadline_ms;
};

struct PlacementDecision {
  std::optional<std::string> placed_on; ///< names
  std::optional<std::string> standby;
  std::string summary;                  ///< one sentence
  std::vector<NodeJudgement> candidates;
};

struct Placement {
  std::string task;                     ///< the task's id
  std::string name;
  bool placed = false;
  std::string reason;                   ///< where it was not placed
  PlacementDecision decision;
};

// ---- what comes back

enum class FrameStatus : std::uint8_t { ok, failed, dropped_late, lost };

/// How one submitted frame ended: exactly one comes for each, those that are `ok` in order of sequence.
struct FrameResult {
  std::uint64_t sequence = 0;
  FrameStatus status = FrameStatus::lost;
  std::int64_t submitted_ns = 0;        ///< CLOCK_MONOTONIC
  std::int64_t arrived_ns = 0;          ///< CLOCK_MONOTONIC; 0 if nothing arrived
  bool late = false;                    ///< ok, but after its deadline
  std::string node;                     ///< who answered; empty if nobody
  std::uint32_t epoch = 0;              ///< of the instance that answered, 0 if none
  std::uint32_t attempts = 0;           ///< how often it was sent
  double e2e_ms = 0;                    ///< arrival − submission
  double network_ms = 0;                ///< e2e − what the agent had it for
  double queue_ms = 0;                  ///< the agent's own figure
  double execute_ms = 0;                ///< the agent's own figure
  std::span<const std::uint8_t> output; ///< of ok; valid during the callback
  std::string reason;                   ///< of the others
};

enum class StreamEventKind : std::uint8_t {
  opened, standby_ready, standby_lost, takeover, move, stale_refused, interrupted, resumed, ended
};

[[nodiscard]] const char* to_text(StreamEventKind kind);

struct StreamEvent {
  StreamEventKind kind = StreamEventKind::opened;
  std::int64_t at_ns = 0;               ///< CLOCK_MONOTONIC
  std::string from;                     ///< names of nodes
  std::string to;
  std::uint32_t epoch = 0;
  std::uint64_t sequence = 0;           ///< stale_refused: whose result it was
  std::uint32_t resent = 0;             ///< takeover, move: frames that were in flight
  std::string reason;
};

struct StreamCallbacks {
  std::function<void(const FrameResult&)> on_result;
  std::function<void(const StreamEvent&)> on_event;
};

struct StreamStats {
  std::uint64_t submitted = 0;          ///< = ok + failed + dropped_late + lost + unanswered
  std::uint64_t ok = 0;
  std::uint64_t late = 0;               ///< of ok
  std::uint64_t failed = 0;
  std::uint64_t dropped_late = 0;
  std::uint64_t lost = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t duplicates_swallowed = 0;
  std::uint64_t stale_refused = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t moves = 0;
  std::uint64_t sent_bytes = 0;         ///< payload, resends included
  std::uint32_t epoch = 0;
  bool open = false;                    ///< the serving node takes frames at once; what is submitted before waits for it
  std::string node;                     ///< serving at present, or last
  std::string standby;                  ///< ready to take over at present; empty if none
};

/// A running stream. Closes itself when the last handle goes.
class Stream {
 public:
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  /// Takes a copy of the frame and returns its sequence, from 1. Never waits: where too many frames are unanswered, or
  /// the frame is too large or empty, it is refused and counted nowhere.
  Expected<std::uint64_t> submit(const FrameView& frame);
  /// The task's id.
  [[nodiscard]] const std::string& task() const;
  /// As of the library's last step.
  [[nodiscard]] StreamStats stats() const;
  /// Waits until every submitted frame has its outcome; false if that took longer.
  bool drain(std::uint32_t timeout_ms);
  /// Ends the sessions; what is unanswered counts as lost. No callback comes after it returns. The task itself stays
  /// placed unless `stop_task`. Must not be called from a callback.
  void close(bool stop_task = false);

  struct Impl;

 private:
  friend class Client;
  explicit Stream(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

class Client {
 public:
  /// `api` is "http://127.0.0.1:7700". Asks the coordinator once who it is: `unreachable` if nobody answers.
  static Expected<Client> connect(const std::string& api);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Measures, tries and judges every node for this task, and places nothing.
  Expected<Placement> plan(const TaskDescription& task, const FrameView& first, const PlaceOptions& options = {});
  /// The same, and places it on the node that was chosen. Not being placeable is a Placement with its reasons.
  Expected<Placement> place(const TaskDescription& task, const FrameView& first, const PlaceOptions& options = {});
  /// A stream to a task that is placed. It waits for no frame: the sessions open behind it.
  Expected<Stream> attach(const std::string& task, StreamCallbacks callbacks);
  /// place() with a lease of ten seconds unless one is given, then attach(); `not_placed` where no node fits.
  Expected<Stream> open(const TaskDescription& task, const FrameView& first, PlaceOptions options,
                        StreamCallbacks callbacks);
  Expected<Done> stop(const std::string& task);

  struct Impl;

 private:
  explicit Client(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace proxima

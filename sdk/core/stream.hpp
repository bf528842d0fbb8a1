// A stream's life on the client: sessions to the serving and the standby instance, credit, deadlines, silence, taking
// over, and exactly one outcome for every frame. Pure: events in, effects out, time as an argument.
// Owned by the stream's driver (or a test) and used on its loop thread alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "sdk/core/effects.hpp"
#include "sdk/core/events.hpp"
#include "sdk/core/frame_table.hpp"
#include "sdk/core/session.hpp"

namespace proxima::stream {

struct StreamOptions {
  std::optional<Duration> deadline;                         ///< of each frame; none: nothing is ever late
  PingPace serving_pace{Duration::millis(50), Duration::millis(150)};
  PingPace idle_pace{Duration::millis(500), Duration::millis(1500)};  ///< no frames expected, and the standby
  Duration idle_after = Duration::seconds(1);               ///< without a frame: none are expected
  Duration hello_again = Duration::millis(20);              ///< after not_ready
  Duration hello_silent = Duration::millis(500);            ///< after a hello that nobody answered
  Duration connect_limit = Duration::seconds(3);            ///< a standby that cannot be reached by then is lost
  Duration greet_limit = Duration::seconds(20);             ///< a session that is not welcomed by then is lost
  Duration serving_greet_limit = Duration::seconds(1);      ///< the same for the serving one while a standby is ready
  Duration keep_old = Duration::seconds(30);                ///< for late results, which are refused and counted
  Duration no_deadline_lost = Duration::seconds(20);        ///< no answer by then, where there is no deadline
};

struct StreamCounters {
  std::uint64_t submitted = 0;
  std::uint64_t ok = 0;
  std::uint64_t late = 0;               ///< of ok: after the deadline
  std::uint64_t failed = 0;
  std::uint64_t dropped_late = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicates_swallowed = 0;
  std::uint64_t stale_refused = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t moves = 0;
  std::uint64_t sent_bytes = 0;         ///< payload that left, resends included
};

class Stream {
 public:
  explicit Stream(const StreamOptions& options) : options_(options) {}

  void handle(const Event& event, Instant now, Effects& out);
  void on_time(Instant now, Effects& out);
  [[nodiscard]] Instant next_deadline() const { return expected_; }
  [[nodiscard]] std::uint64_t digest() const;

  [[nodiscard]] const StreamCounters& counters() const { return counters_; }
  /// The one epoch that is obeyed; 0 before the first grant.
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  /// Names of the nodes that are used at present; empty if none.
  [[nodiscard]] std::string serving_node() const { return serving_ ? serving_->grant.node_name : std::string{}; }
  [[nodiscard]] std::string standby_node() const { return standby_ ? standby_->grant.node_name : std::string{}; }
  [[nodiscard]] bool serving_ready() const { return serving_ && serving_->state == SessionState::ready; }
  [[nodiscard]] bool standby_ready() const { return standby_ && standby_->state == SessionState::ready; }
  [[nodiscard]] std::size_t unanswered() const { return frames_.size(); }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Context { Instant now; Effects& out; };

  void on(const FrameSubmitted& event, Context& at);
  void on(const SendRefused& event, Context& at);
  void on(const SessionConnected& event, Context& at);
  void on(const SessionDisconnected& event, Context& at);
  void on(const SessionRefused& event, Context& at);
  void on(const MessageReceived& event, Context& at);
  void on(const TaskUpdated& event, Context& at);
  void on(const CloseRequested& event, Context& at);

  void on_message(Session& session, const protocol::Welcome& message, Context& at);
  void on_message(Session& session, const protocol::Refused& message, Context& at);
  void on_message(Session& session, const protocol::ResultHeader& message, Context& at);
  void on_message(Session&, const protocol::Pong&, Context&) {}
  void on_message(Session&, const protocol::TransferDone&, Context&) {}

  Session* session(SessionId id);
  bool is_serving(const Session& session) const { return serving_ && serving_->id == session.id; }
  bool is_standby(const Session& session) const { return standby_ && standby_->id == session.id; }
  Session open(const Grant& grant, Context& at);
  void replace_standby(const Grant& grant, Context& at);
  void say_hello(Session& session, Context& at);
  void refuse_for_good(Session& session, const std::string& reason, Context& at);
  void lose(Session& session, const std::string& reason, Context& at);
  void lose_serving(const std::string& reason, Context& at);
  void lose_standby(const std::string& reason, Context& at);
  void switch_to_standby(const std::string& reason, bool asked, Context& at);
  void retire(Session session, Context& at);
  void end_stream(const std::string& reason, Context& at);

  void settle(Context& at);
  void run_session(Session& session, const PingPace& pace, Context& at);
  void judge_silence(Session& session, const PingPace& pace, Context& at);
  void judge_greeting(Context& at);
  void close_retired(Context& at);
  void expire_frames(Context& at);
  void pump(Context& at);
  void send_frame(OpenFrame& frame, Context& at);
  void end_frame(FrameEnded ended, Context& at);
  void answer(OpenFrame& frame, const protocol::ResultHeader& header, Context& at);

  [[nodiscard]] bool frames_expected(Instant now) const;
  [[nodiscard]] const PingPace& pace_of(const Session& session, Instant now) const;
  [[nodiscard]] Instant compute_deadline(Instant now) const;
  [[nodiscard]] Instant session_deadline(const Session& session, Instant now) const;

  StreamOptions options_;
  RunClock clock_;
  Instant expected_ = Instant::never();
  FrameTable frames_;
  std::optional<Session> serving_;
  std::optional<Session> standby_;
  std::vector<Session> retired_;         // at most retired_limit
  Epoch epoch_;
  bool opened_ = false;
  bool serving_lost_ = false;            // nobody serves; frames in flight were recalled
  bool move_asked_ = false;              // the coordinator wants the standby to serve
  bool ended_ = false;
  std::string lost_reason_;
  std::uint64_t last_delivered_ = 0;
  Instant last_submitted_{};
  bool any_submitted_ = false;
  Instant ask_at_ = Instant::never();
  Duration ask_pause_;
  std::uint32_t next_session_ = 1;
  std::uint64_t next_token_ = 1;
  StreamCounters counters_;

  static constexpr std::size_t retired_limit = 8;
};

}  // namespace proxima::stream

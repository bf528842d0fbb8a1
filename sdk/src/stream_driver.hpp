// Carries out what the stream core decides: sockets, payloads, the timer, and the caller's callbacks. Made, used and
// destroyed on the client's loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"
#include "sdk/core/stream.hpp"
#include "sdk/include/proxima/client.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::client {

/// What a driver asks of its surroundings; all called on the loop thread.
struct StreamHooks {
  std::function<void(const FrameResult&)> on_result;
  std::function<void(const StreamEvent&)> on_event;
  std::function<void(std::uint32_t bytes)> on_ended;                   ///< a frame has its outcome: room for another
  std::function<void(Epoch to, const std::string& reason)> takeover;
  std::function<void(Epoch epoch)> standby_lost;
  std::function<void()> ask_task;
  std::function<void(const Report&)> report;                           ///< once a second
  std::function<void(const StreamStats&)> stats;                       ///< after each step
};

struct Submission {
  stream::FrameSubmitted frame;
  io::SharedBytes payload;
};

class StreamDriver {
 public:
  StreamDriver(io::Loop& loop, io::ZmqContext& context, const stream::StreamOptions& options, StreamHooks hooks);
  ~StreamDriver();
  StreamDriver(const StreamDriver&) = delete;
  StreamDriver& operator=(const StreamDriver&) = delete;

  void submit(Submission submission);
  void update(const TaskInfo& task);
  void close();

 private:
  void step(const stream::Event& event);
  void tick();
  void carry_out(stream::Effects& effects);
  void run(stream::OpenSession& effect);
  void run(stream::CloseSession& effect);
  void run(stream::SendMessage& effect);
  void run(stream::FrameEnded& effect);
  void run(stream::ReportTakeover& effect);
  void run(stream::ReportStandbyLost& effect);
  void run(stream::AskTask& effect);
  void run(stream::Note& effect);
  void received(stream::SessionId session, io::Parts parts);
  void publish();
  void report();

  io::Loop& loop_;
  io::ZmqContext& context_;
  StreamHooks hooks_;
  stream::Stream core_;
  std::map<stream::SessionId, std::unique_ptr<io::DealerSocket>> sockets_;
  std::vector<std::unique_ptr<io::DealerSocket>> closing_;   // a socket is not destroyed in its own callback
  std::map<std::uint64_t, io::SharedBytes> payloads_;        // of frames without an outcome
  std::deque<stream::Event> pending_;
  bool stepping_ = false;
  Instant now_{};                                            // of the step under way
  io::View output_;                                          // of the message under way
  io::Timer timer_;
  io::Timer sweep_;
  io::Timer report_timer_;
  std::vector<double> e2e_ms_;                               // since the last report, at most samples_most
  std::vector<double> network_ms_;
  Report counting_;
  std::string node_;                                         // the last that served: still known after the end

  static constexpr std::size_t samples_most = 2048;
};

/// What the core needs of a task as the API tells it.
[[nodiscard]] stream::TaskUpdated update_from(const TaskInfo& task);

}  // namespace proxima::client

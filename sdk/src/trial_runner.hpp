// Runs a client's first frame on one node as a trial: what the task takes there, before anything is learnt.
// Made and used on one loop's thread; reports once, from that loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/instant.hpp"
#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"
#include "common/protocol/frames.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::client {

struct TrialPlan {
  std::size_t runs = limits::trial_runs;
  double slow_ms = 400;                          ///< a run that takes longer is the last
  Duration ready_patience = Duration::seconds(20);
  Duration run_patience = Duration::seconds(10);
};

class TrialRunner {
 public:
  using OnDone = std::function<void(const Trial& trial)>;

  /// `frame` is borrowed until the report. Nothing is reported before the loop runs.
  TrialRunner(io::Loop& loop, io::ZmqContext& context, GrantInfo grant, const FrameView& frame, const TrialPlan& plan,
              OnDone on_done);

 private:
  void hello();
  void run();
  void received(io::Parts parts);
  void refused(const protocol::Refused& message);
  void answered(const protocol::ResultHeader& result);
  void finish(bool ok, std::string reason);

  GrantInfo grant_;
  FrameView frame_;
  TrialPlan plan_;
  OnDone on_done_;
  std::unique_ptr<io::DealerSocket> socket_;
  io::Timer deadline_;
  io::Timer again_;
  Trial trial_;
  std::uint64_t sequence_ = 0;
  bool welcomed_ = false;
  bool known_ = false;                   // the agent has spoken of the instance
  std::string waiting_for_;
  bool finished_ = false;
};

}  // namespace proxima::client

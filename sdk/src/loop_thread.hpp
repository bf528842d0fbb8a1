// A thread with a loop and a ZeroMQ context: where a Client's streams live. Owned by the Client.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "common/io/inbox.hpp"
#include "common/io/loop.hpp"
#include "common/io/zmq_sockets.hpp"

namespace proxima::client {

class LoopThread {
 public:
  LoopThread();
  /// Everything that was made on the loop must be gone.
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  /// Runs `job` on the thread and waits for it. From any thread but its own.
  void run(const std::function<void()>& job);
  /// Only for what runs on the thread.
  [[nodiscard]] io::Loop& loop() { return *loop_; }
  /// ZeroMQ's contexts may be used by any thread.
  [[nodiscard]] io::ZmqContext& context() { return context_; }

 private:
  using Jobs = io::Inbox<std::function<void()>>;

  io::ZmqContext context_;
  std::unique_ptr<io::Loop> loop_;           // made and destroyed on the thread
  std::unique_ptr<Jobs> jobs_;               // the same
  std::unique_ptr<Jobs::Sender> to_thread_;
  std::thread thread_;
};

}  // namespace proxima::client

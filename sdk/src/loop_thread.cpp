#include "sdk/src/loop_thread.hpp"

#include <future>
#include <utility>

#include "common/base/assert.hpp"

namespace proxima::client {

namespace {
constexpr std::size_t jobs_most = 1024;
}

LoopThread::LoopThread() {
  std::promise<void> ready;
  thread_ = std::thread([this, &ready] {
    loop_ = std::make_unique<io::Loop>();
    jobs_ = std::make_unique<Jobs>(*loop_, jobs_most, [](std::function<void()>&& job) { job(); });
    to_thread_ = std::make_unique<Jobs::Sender>(jobs_->sender());
    ready.set_value();
    loop_->run();
    jobs_.reset();
    loop_.reset();
  });
  ready.get_future().wait();
}

LoopThread::~LoopThread() {
  run([this] { loop_->stop(); });
  thread_.join();
}

void LoopThread::run(const std::function<void()>& job) {
  std::promise<void> done;
  const bool pushed = to_thread_->push(
      [&] {
        job();
        done.set_value();
      },
      io::WhenFull::drop);
  // Each caller waits for its own job, so the queue holds no more than there are callers.
  PROXIMA_ASSERT(pushed);
  done.get_future().wait();
}

}  // namespace proxima::client

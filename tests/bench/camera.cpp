#include "tests/bench/camera.hpp"

#include <ctime>
#include <stdexcept>
#include <utility>

#include "sdk/src/input.hpp"
#include "sdk/src/source.hpp"

namespace proxima::bench {
namespace {

constexpr std::uint32_t drain_ms = 3000;
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr int attempts = 15;
constexpr std::int64_t retry_ns = 2 * second_ns;

}  // namespace

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

void sleep_until_ns(std::int64_t at) {
  const timespec when{at / second_ns, at % second_ns};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) != 0) {
  }
}

TaskDescription built_task(const Setting& setting, const std::string& name) {
  Expected<TaskDescription> task = load_task(setting.task(name));
  if (!task) throw std::runtime_error(task.error().text());
  return std::move(*task);
}

std::vector<Pixels> decode(const Setting& setting, const TaskDescription& task, std::size_t count) {
  auto source = media::open_source(setting.source);
  if (!source) throw std::runtime_error(source.error().text());
  protocol::InputSpec wanted;
  wanted.format = static_cast<protocol::FrameFormat>(task.input.format);
  wanted.width = task.input.width;
  wanted.height = task.input.height;
  wanted.quality = task.input.quality;
  wanted.max_bytes = task.input.max_bytes;
  std::vector<Pixels> frames;
  while (frames.size() < count) {
    const auto picture = (*source)->next();
    if (!picture) throw std::runtime_error(picture.error().text());
    auto payload = media::to_input(*picture, wanted);
    if (!payload) throw std::runtime_error(payload.error().text());
    frames.push_back(std::move(payload->bytes));
  }
  return frames;
}

FrameView view(const TaskDescription& task, const Pixels& pixels) {
  return {pixels, task.input.format, task.input.width, task.input.height};
}

Camera::Camera(Client& client, const TaskDescription& task, const std::vector<Pixels>& frames) : task_(task), frames_(frames) {
  StreamCallbacks callbacks;
  callbacks.on_result = [this](const FrameResult& result) {
    const std::int64_t ended = result.arrived_ns != 0 ? result.arrived_ns : now_ns();
    const std::lock_guard lock(mutex_);
    outcomes_.push_back({result.sequence, result.status, result.submitted_ns, result.arrived_ns, ended, result.e2e_ms});
  };
  // A machine that is busy for a moment (its agents have only just started) measures distances that no contract bears.
  Expected<Stream> stream = client.open(task, view(task, frames.front()), {}, callbacks);
  for (int again = 1; again < attempts && !stream && stream.error().kind == ProblemKind::not_placed; ++again) {
    sleep_until_ns(now_ns() + retry_ns);
    stream = client.open(task, view(task, frames.front()), {}, callbacks);
  }
  if (!stream) throw std::runtime_error(stream.error().text());
  stream_.emplace(std::move(*stream));
}

Camera::~Camera() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  stream_->close(true);
}

void Camera::start(std::int64_t first_ns) {
  thread_ = std::thread([this, first_ns] { send(first_ns); });
}

void Camera::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  stream_->drain(drain_ms);
}

void Camera::send(std::int64_t first_ns) {
  std::size_t index = 0;
  for (std::int64_t due = first_ns; !stopping_; due += frame_period.count()) {
    sleep_until_ns(due);
    const std::int64_t submitted = now_ns();
    if (!stream_->submit(view(task_, frames_[index++ % frames_.size()]))) ++refused_;
    obey(submitted);
  }
}

void Camera::obey(std::int64_t submitted_ns) {
  std::optional<Order> order;
  {
    const std::lock_guard lock(mutex_);
    order = std::exchange(order_, std::nullopt);
  }
  if (!order) return;
  sleep_until_ns(submitted_ns + order->offset.count());
  const std::int64_t at = now_ns();
  order->action();
  done_at_ = at;
  done_at_.notify_all();
}

std::int64_t Camera::after_next_frame(std::chrono::nanoseconds offset, std::function<void()> action) {
  done_at_ = 0;
  {
    const std::lock_guard lock(mutex_);
    order_ = Order{offset, std::move(action)};
  }
  done_at_.wait(0);
  return done_at_;
}

std::vector<Outcome> Camera::outcomes() const {
  const std::lock_guard lock(mutex_);
  return outcomes_;
}

}  // namespace proxima::bench

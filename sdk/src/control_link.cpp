#include "sdk/src/control_link.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace proxima::client {

namespace {

constexpr Duration again_first = Duration::millis(200);
constexpr Duration again_longest = Duration::seconds(2);

std::chrono::nanoseconds chrono(Duration span) { return std::chrono::nanoseconds(span.ns); }

io::HttpClientOptions quick() {
  io::HttpClientOptions options;
  options.connect_time = Duration::seconds(1);
  options.read_time = Duration::seconds(3);
  return options;
}

io::HttpClientOptions patient() {
  io::HttpClientOptions options;
  options.read_time = Duration::seconds(20);  // the coordinator writes a comment every few seconds
  return options;
}

}  // namespace

ControlLink::ControlLink(const std::string& api, std::string task, OnTask on_task)
    : task_(std::move(task)),
      on_task_(std::move(on_task)),
      speaker_(api, quick()),
      listener_(api, patient()),
      speaker_thread_([this] { speak(); }),
      listener_thread_([this] { listen(); }) {}

ControlLink::~ControlLink() {
  finish({});
  speaker_thread_.join();
  listener_thread_.join();
}

void ControlLink::report_takeover(Epoch to, std::string reason) {
  const std::lock_guard lock(mutex_);
  wishes_.takeover = Takeover{to, std::move(reason)};
  changed_.notify_all();
}

void ControlLink::report_standby_lost(Epoch epoch) {
  const std::lock_guard lock(mutex_);
  wishes_.standby_lost = epoch;
  changed_.notify_all();
}

void ControlLink::ask() {
  const std::lock_guard lock(mutex_);
  wishes_.ask = true;
  changed_.notify_all();
}

void ControlLink::report(const Report& report) {
  const std::lock_guard lock(mutex_);
  wishes_.report = report;
  changed_.notify_all();
}

void ControlLink::finish(Duration at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, chrono(at_most), [this] { return stopped_ || (!speaking_ && !wishes_.any()); });
  stopped_ = true;
  changed_.notify_all();
  lock.unlock();
  speaker_.cancel();
  listener_.cancel();
}

/// False once the link is stopped.
bool ControlLink::pause(Duration span) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, chrono(span), [this] { return stopped_; });
}

void ControlLink::speak() {
  Duration again = again_first;
  while (true) {
    Wishes taken;
    {
      std::unique_lock lock(mutex_);
      speaking_ = false;
      changed_.notify_all();
      changed_.wait(lock, [this] { return stopped_ || wishes_.any(); });
      if (stopped_) return;
      std::swap(taken, wishes_);
      speaking_ = true;
    }
    if (tell(taken)) {
      again = again_first;
      continue;
    }
    keep(taken);
    if (!pause(again)) return;
    again = std::min(again * 2, again_longest);
  }
}

/// One attempt at each; false if the coordinator could not be reached.
bool ControlLink::tell(const Wishes& wishes) {
  const auto heard = [this](Expected<TaskInfo> answer) {
    if (!answer) return answer.error().kind != ProblemKind::unreachable;  // a refusal is an answer
    on_task_(std::move(*answer));
    return true;
  };
  if (wishes.takeover && !heard(speaker_.report_takeover(task_, wishes.takeover->to, wishes.takeover->reason)))
    return false;
  if (wishes.standby_lost && !heard(speaker_.report_standby_lost(task_, *wishes.standby_lost))) return false;
  if (wishes.report && !heard(speaker_.report(task_, *wishes.report))) return false;
  return !wishes.ask || heard(speaker_.task(task_));
}

// What could not be told is kept, unless something newer of its kind has come; figures of the past second are not.
void ControlLink::keep(const Wishes& untold) {
  const std::lock_guard lock(mutex_);
  if (untold.takeover && !wishes_.takeover) wishes_.takeover = untold.takeover;
  if (untold.standby_lost && !wishes_.standby_lost) wishes_.standby_lost = untold.standby_lost;
  wishes_.ask = wishes_.ask || untold.ask;
}

void ControlLink::listen() {
  Duration again = again_first;
  while (true) {
    const Expected<Done> ended = listener_.watch(task_, [&](const TaskInfo& task) {
      again = again_first;
      on_task_(task);
      return true;
    });
    static_cast<void>(ended);  // whatever ended it: it is asked for again until the link is stopped
    if (!pause(again)) return;
    again = std::min(again * 2, again_longest);
  }
}

}  // namespace proxima::client

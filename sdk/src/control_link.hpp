// A stream's conversation with the coordinator, off the frame path: what must be told is told as soon as it can be, and
// each change of the task is handed on. Two threads of its own, since HTTP here blocks; the loop never waits for them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::client {

class ControlLink {
 public:
  /// Called on one of the link's threads: hand it to the loop, do nothing else.
  using OnTask = std::function<void(TaskInfo task)>;

  ControlLink(const std::string& api, std::string task, OnTask on_task);
  /// Cancels what is under way and joins.
  ~ControlLink();
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;

  // Any thread, never blocking. A newer one of a kind replaces an older one that is still to be told.
  void report_takeover(Epoch to, std::string reason);
  void report_standby_lost(Epoch epoch);
  void ask();
  void report(const Report& report);
  /// Tells what is still to be told for at most this long, then stops for good.
  void finish(Duration at_most);

 private:
  struct Takeover {
    Epoch to;
    std::string reason;
  };
  struct Wishes {
    std::optional<Takeover> takeover;
    std::optional<Epoch> standby_lost;
    std::optional<Report> report;
    bool ask = false;
    [[nodiscard]] bool any() const { return takeover || standby_lost || report || ask; }
  };

  void speak();
  void listen();
  bool tell(const Wishes& wishes);
  void keep(const Wishes& untold);
  bool pause(Duration span);

  std::string task_;
  OnTask on_task_;
  ApiClient speaker_;
  ApiClient listener_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Wishes wishes_;
  bool speaking_ = false;
  bool stopped_ = false;
  std::thread speaker_thread_;
  std::thread listener_thread_;
};

}  // namespace proxima::client

// Server-sent events: tells subscribers what changed, once a turn of the loop however often it changed within it.
// Owned by the driver; loop thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.hpp"
#include "common/io/http_server.hpp"
#include "common/io/loop.hpp"

namespace proxima::coordinator {

class ChangeFeed {
 public:
  /// Render what a subscriber sees, when it is sent; nullopt: it is no longer known.
  using RenderTask = std::function<std::optional<std::string>(TaskId)>;
  using RenderNode = std::function<std::optional<std::string>(const NodeId&)>;

  ChangeFeed(io::Loop& loop, RenderTask render_task, RenderNode render_node);

  void task_changed(TaskId task);
  void node_changed(const NodeId& node);
  /// Sends the task as it is now, and again at each change; ends the stream when the task is forgotten.
  void watch_task(TaskId task, io::EventStream stream);
  /// Sends each change of any task and node from now on.
  void watch_region(io::EventStream stream);

 private:
  void flush();
  void drop_closed();

  RenderTask render_task_;
  RenderNode render_node_;
  std::set<TaskId> tasks_;  // changed since the last flush
  std::set<NodeId> nodes_;
  std::map<TaskId, std::vector<io::EventStream>> task_watchers_;
  std::vector<io::EventStream> region_watchers_;
  io::Timer turn_;
};

}  // namespace proxima::coordinator

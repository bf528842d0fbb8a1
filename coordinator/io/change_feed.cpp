#include "coordinator/io/change_feed.hpp"

#include <utility>

namespace proxima::coordinator {

ChangeFeed::ChangeFeed(io::Loop& loop, RenderTask render_task, RenderNode render_node)
    : render_task_(std::move(render_task)), render_node_(std::move(render_node)), turn_(loop, [this] { flush(); }) {}

void ChangeFeed::task_changed(TaskId task) {
  if (region_watchers_.empty() && task_watchers_.count(task) == 0) return;
  tasks_.insert(task);
  if (!turn_.armed()) turn_.once_in(Duration{});
}

void ChangeFeed::node_changed(const NodeId& node) {
  if (region_watchers_.empty()) return;
  nodes_.insert(node);
  if (!turn_.armed()) turn_.once_in(Duration{});
}

void ChangeFeed::watch_task(TaskId task, io::EventStream stream) {
  drop_closed();
  if (const auto body = render_task_(task)) stream.send("task", *body);
  task_watchers_[task].push_back(std::move(stream));
}

void ChangeFeed::watch_region(io::EventStream stream) {
  drop_closed();
  region_watchers_.push_back(std::move(stream));
}

void ChangeFeed::flush() {
  for (const TaskId task : std::exchange(tasks_, {})) {
    const std::optional<std::string> body = render_task_(task);
    const auto watchers = task_watchers_.find(task);
    if (watchers != task_watchers_.end()) {
      for (io::EventStream& stream : watchers->second) {
        if (body) {
          stream.send("task", *body);
        } else {
          stream.close();
        }
      }
    }
    if (!body) continue;
    for (io::EventStream& stream : region_watchers_) stream.send("task", *body);
  }
  for (const NodeId& node : std::exchange(nodes_, {})) {
    const std::optional<std::string> body = render_node_(node);
    if (!body) continue;
    for (io::EventStream& stream : region_watchers_) stream.send("node", *body);
  }
  drop_closed();
}

void ChangeFeed::drop_closed() {
  const auto closed = [](const io::EventStream& stream) { return !stream.open(); };
  std::erase_if(region_watchers_, closed);
  for (auto& [task, watchers] : task_watchers_) std::erase_if(watchers, closed);
  std::erase_if(task_watchers_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace proxima::coordinator

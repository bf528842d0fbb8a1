#include "sdk/cli/task_argument.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/ids.hpp"
#include "sdk/src/api_json.hpp"

namespace proxima::cli {

namespace {

namespace fs = std::filesystem;

/// Where a shipped task of this name lies; empty if there is none.
fs::path shipped_task(const std::string& name) {
  if (!is_name(name)) return {};
  std::error_code error;
  const fs::path programs = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* folder : {"../tasks", "../share/proxima/tasks"}) {
    const fs::path place = (programs / folder / name).lexically_normal();
    if (fs::exists(place / "task.toml", error)) return place;
  }
  return {};
}

bool is_path(const std::string& argument) {
  std::error_code error;
  const fs::path given(argument);
  return fs::is_regular_file(given, error) || fs::exists(given / "task.toml", error);
}

Problem no_such_task(const std::string& argument) {
  return {ProblemKind::usage, "no task '" + argument + "'",
          "it is no manifest, no directory with a task.toml, and no shipped task's name",
          "name one of them; `motion` and `detect` are shipped"};
}

}  // namespace

Expected<TaskDescription> load_task_argument(const std::string& argument) {
  if (is_path(argument)) return load_task(argument);
  if (const fs::path shipped = shipped_task(argument); !shipped.empty()) return load_task(shipped.string());
  return no_such_task(argument);
}

Expected<client::TaskInfo> find_task(client::ApiClient& api, const std::string& argument, Ended ended) {
  if (task_id_from(argument)) return api.task(argument);
  const Expected<std::string> body = api.get("/v1/tasks");
  if (!body) return body.error();
  std::vector<client::TaskInfo> live;
  std::optional<client::TaskInfo> over;
  if (const std::optional<client::Json> tasks = client::parse_object(*body)) {
    for (const client::Json& value : client::list_of(*tasks, "tasks")) {
      std::optional<client::TaskInfo> task = client::task_from(value);
      if (!task || task->name != argument) continue;
      if (task->state == "stopped" || task->state == "refused") over = std::move(task);
      else live.push_back(std::move(*task));
    }
  }
  if (live.size() == 1) return std::move(live.front());
  if (live.size() > 1) {
    std::string ids;
    for (const client::TaskInfo& task : live) ids += (ids.empty() ? "" : ", ") + task.id;
    return Problem{ProblemKind::usage, std::to_string(live.size()) + " tasks are named '" + argument + "'", "they are " + ids,
                   "give one of the ids"};
  }
  if (over && ended == Ended::too) return std::move(*over);
  return Problem{ProblemKind::usage, "no task '" + argument + "' runs",
                 over ? "the last of that name (" + over->id + ") is " + over->state : "the coordinator knows none of this id or name",
                 "see `proxima tasks`"};
}

Expected<TaskArgument> resolve_task(client::ApiClient& api, const std::string& argument) {
  TaskArgument out;
  const bool id = task_id_from(argument).has_value();
  if (!id && (is_path(argument) || !shipped_task(argument).empty())) {
    Expected<TaskDescription> loaded = load_task_argument(argument);
    if (!loaded) return loaded.error();
    out.description = std::move(*loaded);
    return out;
  }
  Expected<client::TaskInfo> running = find_task(api, argument, Ended::not_wanted);
  if (!running) {
    if (running.error().kind != ProblemKind::usage || id) return running.error();
    return no_such_task(argument);
  }
  out.running = std::move(*running);
  return out;
}

}  // namespace proxima::cli

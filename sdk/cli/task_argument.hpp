// What a TASK on the command line names: a manifest, a shipped task, or one that runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sdk/include/proxima/client.hpp"
#include "sdk/src/api_client.hpp"

namespace proxima::cli {

/// A manifest's path, a directory with a task.toml, or the name of a shipped task ("motion").
[[nodiscard]] Expected<TaskDescription> load_task_argument(const std::string& argument);

/// The task with this id, or the newest that runs under this name.
[[nodiscard]] Expected<client::TaskInfo> find_running(client::ApiClient& api, const std::string& argument);

/// One or the other.
struct TaskArgument {
  std::optional<TaskDescription> description;
  std::optional<client::TaskInfo> running;
};

/// As above, in this order: an id, a path, a shipped task, a running task's name.
[[nodiscard]] Expected<TaskArgument> resolve_task(client::ApiClient& api, const std::string& argument);

}  // namespace proxima::cli

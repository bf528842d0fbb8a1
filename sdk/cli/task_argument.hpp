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

enum class Ended { not_wanted, too };

/// The task with this id, or the one that runs under this name; more than one of a name is refused with their ids. Where none
/// runs, one of the name that is stopped or was refused, if that is wanted too.
[[nodiscard]] Expected<client::TaskInfo> find_task(client::ApiClient& api, const std::string& argument, Ended ended);

/// One or the other.
struct TaskArgument {
  std::optional<TaskDescription> description;
  std::optional<client::TaskInfo> running;
};

/// As above, in this order: an id, a path, a shipped task, a running task's name.
[[nodiscard]] Expected<TaskArgument> resolve_task(client::ApiClient& api, const std::string& argument);

}  // namespace proxima::cli

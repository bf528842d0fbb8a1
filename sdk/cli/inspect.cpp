// `status`, `nodes`, `tasks`, `explain`, `stop`, `version`: what the coordinator says, as it says it or in words.
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "common/protocol/frames.hpp"
#include "sdk/cli/decision_table.hpp"
#include "sdk/cli/output.hpp"
#include "sdk/cli/region_access.hpp"
#include "sdk/cli/task_argument.hpp"
#include "sdk/cli/up/run_directory.hpp"
#include "sdk/cli/verbs.hpp"
#include "sdk/src/api_json.hpp"

namespace proxima::cli {

namespace {

using client::flag_of;
using client::Json;
using client::list_of;
using client::number_of;
using client::text_of;

std::string whole(const Json& object, const char* key) {
  const std::optional<double> value = number_of(object, key);
  return value ? number_text(*value, 0) : "–";
}

/// Fetches `path`; prints it with --json, else calls `show` on it.
template <class Show>
int fetch(const RegionAccess& access, const std::string& path, Show show) {
  const Expected<std::string> api = access.find();
  if (!api) return complain(api.error());
  client::ApiClient asked(*api);
  const Expected<std::string> body = asked.get(path);
  if (!body) return complain(body.error());
  const std::optional<Json> value = client::parse_object(*body);
  if (!value) return complain({ProblemKind::failed, "cannot read the coordinator's answer", "it is no JSON object", ""});
  if (access.json) {
    std::cout << client::write(*value) << '\n';
    return exit_ok;
  }
  show(*value);
  return exit_ok;
}

void show_nodes(const Json& body) {
  Table table({"NODE", "STATE", "CORES", "MEMORY MiB", "CPU %", "HOST", "ISOLATION", "PID", "INSTANCES"});
  for (const Json& node : list_of(body, "nodes")) {
    if (!node.is_object()) continue;
    std::string functions;
    for (const Json& one : list_of(node, "functions"))
      if (one.is_string()) functions += (functions.empty() ? "" : ",") + one.get<std::string>();
    std::string instances;
    for (const Json& one : list_of(node, "instances"))
      if (one.is_object())
        instances += (instances.empty() ? "" : ", ") + text_of(one, "task_name") + " " + text_of(one, "role") + " " +
                     text_of(one, "state") + " (epoch " + whole(one, "epoch") + ", pid " + whole(one, "worker_pid") + ")";
    table.add({text_of(node, "name"), text_of(node, "state"), whole(node, "cores"),
               whole(node, "memory_mib_used") + "/" + whole(node, "memory_mib"), whole(node, "cpu_percent"),
               functions.empty() ? "–" : functions, text_of(node, "isolation"), whole(node, "pid"),
               instances.empty() ? "–" : instances});
  }
  table.print();
}

/// As much of a reason as a table bears; `explain` has all of it.
std::string in_short(const std::string& reason) {
  constexpr std::size_t most = 96;
  if (reason.size() <= most) return reason;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0U) == 0x80U) --end;
  return reason.substr(0, end) + "…";
}

void show_tasks(const Json& body) {
  Table table({"TASK", "NAME", "STATE", "NODE", "STANDBY", "EPOCH", "DEADLINE ms", "REASON"});
  for (const Json& value : list_of(body, "tasks")) {
    const std::optional<client::TaskInfo> task = client::task_from(value);
    if (!task) continue;
    table.add({task->id, task->name, task->state, task->serving ? task->serving->name : "–",
               task->standby ? task->standby->name : "–", std::to_string(task->epoch.value),
               task->deadline_ms ? number_text(*task->deadline_ms, 1) : "none", in_short(task->reason)});
  }
  table.print();
}

int status(const RegionAccess& access) {
  const Expected<std::string> api = access.find();
  if (!api) return complain(api.error());
  client::ApiClient asked(*api);
  Json all{{"schema", "proxima/v1/status"}, {"api", *api}};
  for (const char* part : {"region", "nodes", "tasks"}) {
    const Expected<std::string> body = asked.get(std::string("/v1/") + part);
    if (!body) return complain(body.error());
    const std::optional<Json> value = client::parse_object(*body);
    if (!value) return complain({ProblemKind::failed, "cannot read the coordinator's answer", "it is no JSON object", ""});
    all[part] = std::string(part) == "region" ? *value : list_of(*value, part);
  }
  all["processes"] = Json::array();
  const Result<RunState> run = read_run_state(find_run_directory(access.directory));
  if (run && run->api == *api) {
    for (const RunProcess& one : run->processes)
      all["processes"].push_back({{"name", one.name}, {"role", one.role}, {"pid", one.pid}});
  }
  if (access.json) {
    std::cout << client::write(all) << '\n';
    return exit_ok;
  }
  const Json& region = all["region"];
  std::cout << "region " << bold(safe(text_of(region, "region"))) << " at " << *api << ", broker "
            << (flag_of(region, "broker_up") ? green("up") : red("down")) << ", coordinator pid " << whole(region, "pid")
            << ", version " << safe(text_of(region, "version")) << "\n\n";
  show_nodes(all);
  std::cout << '\n';
  show_tasks(all);
  return exit_ok;
}

int explain(const RegionAccess& access, const std::string& argument) {
  const Expected<std::string> api = access.find();
  if (!api) return complain(api.error());
  client::ApiClient asked(*api);
  const Expected<client::TaskInfo> task = find_task(asked, argument, Ended::too);
  if (!task) return complain(task.error());
  return fetch(access, "/v1/tasks/" + task->id + "/explain", [&](const Json& body) {
    if (const auto first = client::decision_from(body.value("first", Json()))) {
      std::cout << dim("as decided") << '\n';
      print_decision(task->name, *first);
    }
    if (const auto now = client::decision_from(body.value("decision", Json()))) {
      std::cout << '\n' << dim("as it would be decided now") << '\n';
      print_decision(task->name, *now);
    }
    const Json truth = body.value("truth", Json());
    if (truth.is_object())
      std::cout << "\nmeasured by the client: e2e p50 " << ms_text(number_of(truth, "e2e_p50_ms")) << ", p95 "
                << ms_text(number_of(truth, "e2e_p95_ms")) << ", network p50 "
                << ms_text(number_of(truth, "network_p50_ms")) << '\n';
  });
}

int stop(const RegionAccess& access, const std::string& argument) {
  const Expected<std::string> api = access.find();
  if (!api) return complain(api.error());
  client::ApiClient asked(*api);
  const Expected<client::TaskInfo> task = find_task(asked, argument, Ended::not_wanted);
  if (!task) return complain(task.error());
  const bool over = task->state == "stopped" || task->state == "refused";  // found by its id
  const Expected<client::TaskInfo> stopped = asked.stop(task->id);
  if (!stopped) return complain(stopped.error());
  if (access.json) {
    std::cout << client::write(
                     {{"schema", "proxima/v1/stop"}, {"task", stopped->id}, {"name", stopped->name},
                      {"state", stopped->state}})
              << '\n';
  } else {
    std::cout << (over ? "did not run any more: " : "stopped ") << safe(stopped->name) << " (" << stopped->id << ")\n";
  }
  return exit_ok;
}

}  // namespace

void add_status(CLI::App& app, Chosen& chosen) {
  auto access = std::make_shared<RegionAccess>();
  CLI::App* verb = app.add_subcommand("status", "the region: broker, coordinator, nodes, tasks");
  access->add_to(*verb);
  verb->footer("Examples:\n  proxima status\n  proxima status --json | jq '.processes[].pid'");
  verb->callback([access, &chosen] { chosen = [access] { return status(*access); }; });
}

void add_nodes(CLI::App& app, Chosen& chosen) {
  auto access = std::make_shared<RegionAccess>();
  CLI::App* verb = app.add_subcommand("nodes", "the region's nodes: what they offer and what they run");
  access->add_to(*verb);
  verb->footer("Examples:\n  proxima nodes\n  proxima nodes --json | jq '.nodes[] | {name, pid}'");
  verb->callback([access, &chosen] { chosen = [access] { return fetch(*access, "/v1/nodes", show_nodes); }; });
}

void add_tasks(CLI::App& app, Chosen& chosen) {
  auto access = std::make_shared<RegionAccess>();
  CLI::App* verb = app.add_subcommand("tasks", "the region's tasks: where they run and why they do not");
  access->add_to(*verb);
  verb->footer("Example:\n  proxima tasks");
  verb->callback([access, &chosen] { chosen = [access] { return fetch(*access, "/v1/tasks", show_tasks); }; });
}

void add_explain(CLI::App& app, Chosen& chosen) {
  auto access = std::make_shared<RegionAccess>();
  auto task = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("explain", "why a task runs where it runs, node by node");
  verb->add_option("TASK", *task, "a task's id or name")->required();
  access->add_to(*verb);
  verb->footer("Example:\n  proxima explain motion");
  verb->callback([access, task, &chosen] { chosen = [access, task] { return explain(*access, *task); }; });
}

void add_stop(CLI::App& app, Chosen& chosen) {
  auto access = std::make_shared<RegionAccess>();
  auto task = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("stop", "stop a task");
  verb->add_option("TASK", *task, "a task's id or name")->required();
  access->add_to(*verb);
  verb->footer("Example:\n  proxima stop motion");
  verb->callback([access, task, &chosen] { chosen = [access, task] { return stop(*access, *task); }; });
}

void add_version(CLI::App& app, Chosen& chosen) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("version", "which version this is");
  verb->add_flag("--json", *json, "print JSON");
  verb->footer("Example:\n  proxima version");
  verb->callback([json, &chosen] {
    chosen = [json] {
      if (*json) {
        std::cout << client::write({{"schema", "proxima/v1/version"}, {"version", PROXIMA_VERSION},
                                    {"data_plane", protocol::data_plane_version}})
                  << '\n';
      } else {
        std::cout << "proxima " << PROXIMA_VERSION << '\n';
      }
      return static_cast<int>(exit_ok);
    };
  });
}

}  // namespace proxima::cli

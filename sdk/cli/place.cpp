// `plan` and `run`: measure, try, judge; the one forgets it again, the other leaves the task placed.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "sdk/cli/decision_table.hpp"
#include "sdk/cli/first_frame.hpp"
#include "sdk/cli/output.hpp"
#include "sdk/cli/region_access.hpp"
#include "sdk/cli/task_argument.hpp"
#include "sdk/cli/verbs.hpp"
#include "sdk/src/api_json.hpp"

namespace proxima::cli {

namespace {

struct PlaceArguments {
  RegionAccess access;
  std::string task;
  std::string source = "synthetic";
  std::string pin;
  bool no_contract = false;
  bool dry_run = false;
};

void print_placement(const PlaceArguments& arguments, const Placement& placement) {
  if (arguments.access.json) {
    client::Json out{{"schema", arguments.dry_run ? "proxima/v1/plan" : "proxima/v1/run"},
                     {"task", placement.task},
                     {"name", placement.name},
                     {"placed", placement.placed},
                     {"reason", placement.reason},
                     {"decision", client::to_json(placement.decision)}};
    std::cout << client::write(out) << '\n';
    return;
  }
  print_decision(placement.name, placement.decision);
  if (arguments.dry_run || !placement.placed) return;
  std::cout << "\nplaced as task " << placement.task << "; next: proxima stream " << placement.task
            << " · proxima explain " << placement.task << " · proxima stop " << placement.task << '\n';
}

int place(const PlaceArguments& arguments) {
  const Expected<std::string> api = arguments.access.find();
  if (!api) return complain(api.error());
  const Expected<TaskDescription> task = load_task_argument(arguments.task);
  if (!task) return complain(task.error());
  Expected<FirstFrame> first = first_frame(arguments.source, task->input);
  if (!first) return complain(first.error());
  Expected<Client> client = Client::connect(*api);
  if (!client) return complain(client.error());
  PlaceOptions options;
  options.pinned_node = arguments.pin;
  options.with_contract = !arguments.no_contract;
  if (isatty(STDERR_FILENO) != 0) options.on_progress = [](const std::string& step) { std::cerr << step << "…\n"; };
  const Expected<Placement> placement = arguments.dry_run ? client->plan(*task, first->view(), options)
                                                          : client->place(*task, first->view(), options);
  if (!placement) return complain(placement.error());
  print_placement(arguments, *placement);
  const auto& nodes = placement->decision.candidates;
  const bool known = std::any_of(nodes.begin(), nodes.end(), [&](const NodeJudgement& node) { return node.node == arguments.pin; });
  if (!arguments.pin.empty() && !known) say("no node is named '" + safe(arguments.pin) + "'; see `proxima nodes`");
  return placement->placed ? exit_ok : exit_not_placed;
}

void add_place(CLI::App& app, Chosen& chosen, bool dry_run) {
  auto arguments = std::make_shared<PlaceArguments>();
  arguments->dry_run = dry_run;
  CLI::App* verb = dry_run ? app.add_subcommand("plan", "where a task would run and why; places nothing")
                           : app.add_subcommand("run", "place a task and leave it placed");
  verb->add_option("TASK", arguments->task, "a task.toml, its directory, or a shipped task's name")->required();
  verb->add_option("--source", arguments->source, "where the first frame comes from: a video file, or synthetic")
      ->capture_default_str();
  verb->add_option("--pin", arguments->pin, "only this node")->type_name("NODE");
  verb->add_flag("--no-contract", arguments->no_contract, "without deadline: any node is fast enough");
  arguments->access.add_to(*verb);
  verb->footer(dry_run ? "Examples:\n  proxima plan motion\n  proxima plan ./task.toml --source clip.avi --json"
                       : "Examples:\n  proxima run motion\n  proxima run detect --pin idle-rig");
  verb->callback([arguments, &chosen] { chosen = [arguments] { return place(*arguments); }; });
}

}  // namespace

void add_plan(CLI::App& app, Chosen& chosen) { add_place(app, chosen, true); }
void add_run(CLI::App& app, Chosen& chosen) { add_place(app, chosen, false); }

}  // namespace proxima::cli

// `proxima stream`: feeds one source to one or more tasks in real time.
#include <memory>

#include <CLI/CLI.hpp>

#include "sdk/cli/stream_run.hpp"
#include "sdk/cli/verbs.hpp"

namespace proxima::cli {

void add_stream(CLI::App& app, Chosen& chosen) {
  auto arguments = std::make_shared<StreamArguments>();
  CLI::App* verb = app.add_subcommand("stream", "play a source to tasks in real time and watch them answer");
  verb->add_option("TASK", arguments->tasks, "a task.toml, its directory, a shipped task's name, or a running task")
      ->required()
      ->expected(1, 16);
  verb->add_option("--source", arguments->source, "a video file, or synthetic")->capture_default_str();
  verb->add_option("--fps", arguments->fps, "pictures a second")->capture_default_str()->check(CLI::Range(0.1, 240.0));
  auto* seconds = verb->add_option("--seconds", arguments->seconds, "stop after so long (default: at Ctrl-C)")
                      ->check(CLI::Range(0.1, 1e6));
  verb->add_option("--frames", arguments->frames, "stop after so many frames of each task")
      ->check(CLI::Range(1, 1'000'000'000))
      ->excludes(seconds);
  verb->add_option("--results", arguments->results, "write one JSON line for each frame")->type_name("FILE");
  verb->add_option("--events", arguments->events, "write one JSON line for each thing that happens")->type_name("FILE");
  verb->add_option("--pin", arguments->pin, "only this node")->type_name("NODE");
  verb->add_flag("--no-contract", arguments->no_contract, "without deadline: any node is fast enough");
  arguments->access.add_to(*verb);
  verb->footer(
      "Examples:\n  proxima stream motion\n  proxima stream motion detect --source clip.avi --seconds 40 --json\n"
      "A contract is kept when at least 99 % of the frames, or all but two, were answered within the deadline.\n"
      "Exit status: 5 a task cannot be placed, 6 a contract was missed, 3 nobody answers");
  verb->callback([arguments, &chosen] { chosen = [arguments] { return StreamRun(*arguments).run(); }; });
}

}  // namespace proxima::cli

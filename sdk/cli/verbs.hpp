// The verbs of `proxima`: each registers its options and, when it is the one asked for, leaves what to run in `Chosen`.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace proxima::cli {

/// Runs the chosen verb and returns the exit status.
using Chosen = std::function<int()>;

void add_up(CLI::App& app, Chosen& chosen);
void add_down(CLI::App& app, Chosen& chosen);
void add_status(CLI::App& app, Chosen& chosen);
void add_nodes(CLI::App& app, Chosen& chosen);
void add_tasks(CLI::App& app, Chosen& chosen);
void add_plan(CLI::App& app, Chosen& chosen);
void add_run(CLI::App& app, Chosen& chosen);
void add_stop(CLI::App& app, Chosen& chosen);
void add_stream(CLI::App& app, Chosen& chosen);
void add_explain(CLI::App& app, Chosen& chosen);
void add_version(CLI::App& app, Chosen& chosen);

}  // namespace proxima::cli

// `proxima`, the command-line tool.
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "sdk/cli/output.hpp"
#include "sdk/cli/verbs.hpp"

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  proxima up --insecure-loopback --detach     a whole region on this machine\n"
    "  proxima plan motion                         where a task would run, and why\n"
    "  proxima stream motion --seconds 10          play a source to it\n"
    "  proxima nodes                               what there is\n"
    "  proxima down                                and away again\n";

int run(int argc, char** argv) {
  using namespace proxima::cli;
  CLI::App app(std::string(examples) + "\nProxima places tasks on the nearest device that keeps their latency contract.",
               "proxima");
  app.set_version_flag("--version", std::string("proxima ") + PROXIMA_VERSION);
  app.require_subcommand(1);
  Chosen chosen;
  for (const auto add : {add_up, add_down, add_status, add_nodes, add_tasks, add_plan, add_run, add_stop, add_stream,
                         add_explain, add_version})
    add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "proxima: unexpected: " << error.what() << '\n';
    return proxima::cli::exit_failed;
  }
}

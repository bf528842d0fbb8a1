// `proxima`, the command-line tool.
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "sdk/cli/output.hpp"
#include "sdk/cli/verbs.hpp"

namespace {

/// A verb's examples are its footer: they come first.
class ExamplesFirst : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    const std::string examples = app->get_footer();
    return (examples.empty() ? "" : examples + "\n\n") + CLI::Formatter::make_help(app, std::move(name), mode);
  }
  std::string make_footer(const CLI::App*) const override { return ""; }
};

/// The first word that is no option, if it is no verb: CLI11 only says that it misses one.
std::string unknown_verb(const CLI::App& app, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word.front() == '-') continue;
    const auto same = app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
    return same.empty() ? word : "";
  }
  return "";
}

int refuse(const CLI::App& app, const std::string& why, int argc, char** argv) {
  using namespace proxima::cli;
  std::string verbs;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  const auto parsed = app.get_subcommands();
  if (const std::string word = unknown_verb(app, argc, argv); !word.empty())
    return complain({proxima::ProblemKind::usage, "there is no verb '" + safe(word) + "'", "the verbs are " + verbs, "proxima --help"});
  if (parsed.empty())
    return complain({proxima::ProblemKind::usage, "cannot read the command line", safe(why), "proxima --help; the verbs are " + verbs});
  return complain({proxima::ProblemKind::usage, "cannot read the command line", safe(why), "proxima " + parsed.front()->get_name() + " --help"});
}

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
  app.formatter(std::make_shared<ExamplesFirst>());
  app.set_version_flag("--version", std::string("proxima ") + PROXIMA_VERSION);
  app.require_subcommand(1);
  Chosen chosen;
  for (const auto add : {add_up, add_down, add_status, add_nodes, add_tasks, add_plan, add_run, add_stop, add_stream,
                         add_explain, add_version})
    add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return refuse(app, error.what(), argc, argv);
    // --help leaves the parser as an exception; `proxima bogus --help` must not look as if it were served.
    if (const std::string word = unknown_verb(app, argc, argv); !word.empty()) return refuse(app, error.what(), argc, argv);
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

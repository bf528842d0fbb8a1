// proxima-demo: a real clip on the right one of five devices, and what happens when devices die under it.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "common/io/file.hpp"
#include "sdk/cli/demo/default_lab.hpp"
#include "sdk/cli/demo/report.hpp"
#include "sdk/cli/demo/run.hpp"
#include "sdk/cli/demo/stolen_time.hpp"
#include "sdk/cli/up/run_directory.hpp"
#include "sdk/src/source.hpp"

namespace {

namespace fs = std::filesystem;
using namespace proxima;
using nlohmann::json;

struct Arguments {
  bool headless = false;
  bool json = false;
  bool no_faults = false;
  std::string source = "synthetic";
  std::string lab;
  double fps = 30;
  double seconds = 40;
  std::string results;
  std::string out = "build/demo";
};

int complain(const Error& error, int status) {
  std::cerr << "demo: " << error.what << (error.why.empty() ? "" : ": " + error.why) << '\n';
  if (!error.hint.empty()) std::cerr << "  try: " << error.hint << '\n';
  return status;
}

Result<void> check_seconds(const Arguments& arguments) {
  if (arguments.no_faults) return {};
  const std::string value = std::to_string(static_cast<int>(arguments.seconds));
  if (arguments.seconds < demo::shortest_run_with_faults_s)
    return fail("--seconds " + value + " is too short", "the two faults with calm between them need at least 24 s", "--seconds 24 or more, or --no-faults");
  if (arguments.seconds > demo::longest_run_with_faults_s)
    return fail("--seconds " + value + " is too long", "a run with faults lasts at most 75 s", "--seconds 75 or less, or --no-faults");
  return {};
}

Result<demo::RunOptions> run_options(const Arguments& arguments) {
  PROXIMA_TRY(check_seconds(arguments));
  if (arguments.source != "synthetic" && !fs::is_regular_file(arguments.source))
    return fail("cannot open the source '" + arguments.source + "'", "no such file", "a path to a video, or --source synthetic");
  // Opened once here, so that what cannot be played is said before a region starts.
  if (const auto opened = media::open_source(arguments.source); !opened) return opened.failure();
  demo::RunOptions options;
  std::error_code ignored;
  options.programs = fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
  options.directory = fs::absolute(fs::path(arguments.out) / "run").lexically_normal().string();
  options.source = arguments.source == "synthetic" ? arguments.source : fs::absolute(arguments.source).string();
  options.fps = arguments.fps;
  options.seconds = arguments.seconds;
  options.faults = !arguments.no_faults;
  options.results_path = fs::absolute(arguments.results.empty() ? arguments.out + "/results.jsonl" : arguments.results).string();
  options.lab_path = fs::absolute(arguments.lab.empty() ? arguments.out + "/lab.toml" : arguments.lab).string();
  PROXIMA_TRY(io::make_private_directory(fs::absolute(arguments.out).string()));
  PROXIMA_TRY(io::make_private_directory(options.directory));
  PROXIMA_TRY(io::make_private_directory(options.directory + "/logs"));
  if (arguments.lab.empty()) PROXIMA_TRY(io::replace_file(options.lab_path, std::string_view(demo::default_lab)));
  Result<netlab::Lab> lab = netlab::read_lab(options.lab_path);
  if (!lab) return lab.failure();
  options.lab = std::move(*lab);
  const bool terminal = isatty(STDERR_FILENO) == 1 && !arguments.headless;
  options.say = [terminal](const std::string& line) {
    std::cerr << (terminal ? "\033[2m  " : "  ") << line << (terminal ? "\033[0m" : "") << std::endl;
  };
  return options;
}

/// demo.schema.json's object out of what the client and the judge said.
json assemble(const demo::RunOptions& options, const demo::RunOutcome& outcome, const demo::Rows& rows) {
  demo::JudgeInput input;
  input.tasks = outcome.stream.at("tasks");
  for (json& task : input.tasks) {
    const auto cloud = outcome.cloud.find(task.at("task").get<std::string>());
    task["cloud_e2e_ms"] = cloud == outcome.cloud.end() ? json() : *cloud;
    for (json& move : task["moves"]) move["t_ms"] = move.at("t_ms").get<double>() - outcome.origin_ms;
  }
  input.rows = rows;
  input.faults = outcome.faults;
  input.origin_ms = outcome.origin_ms;
  input.faults_wanted = options.faults;
  input.not_back = outcome.not_back;
  demo::Verdict verdict = demo::judge(input);
  return {{"schema", "proxima/v1/demo"}, {"ok", verdict.ok},           {"checks", std::move(verdict.checks)},
          {"source", outcome.stream.at("source")}, {"seconds", options.seconds}, {"run_dir", options.directory},
          {"tasks", std::move(input.tasks)},       {"faults", std::move(verdict.faults)}};
}

constexpr double worth_telling_percent = 2;

int play(const Arguments& arguments) {
  const Result<demo::RunOptions> options = run_options(arguments);
  if (!options) return complain(options.error(), 2);
  const demo::ProcessorTicks before = demo::processor_ticks();
  const Result<demo::RunOutcome> outcome = demo::run_demo(*options);
  const double stolen = demo::stolen_percent(before, demo::processor_ticks());
  if (!outcome) return complain(outcome.error(), 1);
  const Result<demo::Rows> rows = demo::read_results(options->results_path);
  if (!rows) return complain(rows.error(), 1);
  const json result = assemble(*options, *outcome, *rows);
  const std::string page = fs::absolute(arguments.out + "/report.html").string();
  if (const Result<void> written = demo::write_report(page, {result, *rows, outcome->origin_ms, options->source}); !written)
    return complain(written.error(), 1);
  (arguments.json ? std::cerr : std::cout) << demo::screen(result, page) << std::flush;
  if (stolen >= worth_telling_percent)
    std::cerr << "  note: this machine is virtual, and its host gave " << std::lround(stolen)
              << " % of its processor time to others meanwhile; frames may be late for that alone\n";
  if (arguments.json) std::cout << result.dump() << std::endl;
  for (const json& task : result["tasks"])
    if (task["placed_on"].is_null()) return 5;
  return result["ok"] == true ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Streams a clip through five devices at five distances, takes devices away, and shows what happened.", "proxima-demo");
  app.add_option("--source", arguments.source, "a video file, or 'synthetic'")->capture_default_str();
  app.add_option("--lab", arguments.lab, "the devices and their distances (default: five built in)")->type_name("FILE");
  app.add_option("--fps", arguments.fps, "frames a second that the source plays at")->capture_default_str()->check(CLI::Range(1.0, 120.0));
  app.add_option("--seconds", arguments.seconds, "length of the stream; with faults 24 to 75")->capture_default_str()->check(CLI::Range(1.0, 86400.0));
  app.add_flag("--no-faults", arguments.no_faults, "take no device away");
  app.add_option("--results", arguments.results, "write one line of JSON a frame")->type_name("FILE");
  app.add_option("--out", arguments.out, "folder for the page, the results and the run's logs")->capture_default_str();
  app.add_flag("--headless", arguments.headless, "no browser, no colour, no prompts");
  app.add_flag("--json", arguments.json, "end stdout with one JSON object");
  app.footer("Exit status: 0 all checks passed, 1 not, 2 usage or bad file, 5 a task cannot be placed.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return play(arguments);
  } catch (const json::exception& error) {
    return complain({"a part of the region answered what it should not", error.what(), "read the logs in " + arguments.out + "/run/logs"}, 1);
  }
}

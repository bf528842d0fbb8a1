#include "sdk/cli/region_access.hpp"

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "sdk/cli/up/run_directory.hpp"

namespace proxima::cli {

void RegionAccess::add_to(CLI::App& verb) {
  verb.add_option("--api", api, "the coordinator's address (default: $PROXIMA_API, else the region on this machine)")
      ->type_name("URL");
  verb.add_option("--dir", directory, "run directory of the region on this machine")->type_name("DIR");
  verb.add_flag("--json", json, "print JSON");
}

Expected<std::string> RegionAccess::find() const {
  if (!api.empty()) return api;
  if (const char* named = std::getenv("PROXIMA_API"); directory.empty() && named != nullptr && *named != '\0')
    return std::string(named);
  const std::string place = find_run_directory(directory);
  const Result<RunState> state = read_run_state(place);
  if (!state)
    return Problem{ProblemKind::unreachable, "no region runs here", "there is no region.json in '" + place + "'",
                   "start one with `proxima up --insecure-loopback --detach`, or name one with --api URL"};
  return state->api;
}

}  // namespace proxima::cli

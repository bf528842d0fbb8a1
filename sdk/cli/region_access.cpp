#include "sdk/cli/region_access.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>

#include "sdk/cli/up/run_directory.hpp"

namespace proxima::cli {

namespace {

/// "http://HOST:PORT", the form in which the coordinator prints it.
bool is_address(std::string_view text) {
  if (!text.starts_with("http://")) return false;
  text.remove_prefix(7);
  while (text.ends_with('/')) text.remove_suffix(1);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return code == std::errc{} && end == digits.data() + digits.size() && port >= 1 && port <= 65535 &&
         text.substr(0, colon).find_first_of("/ @?#") == std::string_view::npos;
}

Expected<std::string> checked(const char* from, const std::string& address) {
  if (is_address(address)) return address;
  return Problem{ProblemKind::usage, std::string("bad ") + from + " '" + address + "'", "it must be http://HOST:PORT",
                 "`proxima up` and `proxima status` print the region's address"};
}

}  // namespace

void RegionAccess::add_to(CLI::App& verb) {
  verb.add_option("--api", api, "the coordinator's address (default: $PROXIMA_API, else the region on this machine)")
      ->type_name("URL");
  verb.add_option("--dir", directory, "run directory of the region on this machine")->type_name("DIR");
  verb.add_flag("--json", json, "print JSON");
}

Expected<std::string> RegionAccess::find() const {
  if (!api.empty()) return checked("--api", api);
  if (const char* named = std::getenv("PROXIMA_API"); directory.empty() && named != nullptr && *named != '\0')
    return checked("$PROXIMA_API", named);
  const std::string place = find_run_directory(directory);
  const Result<RunState> state = read_run_state(place);
  if (!state)
    return Problem{ProblemKind::unreachable, "no region runs here", "there is no region.json in '" + place + "'",
                   "start one with `proxima up --insecure-loopback --detach`, or name one with --api URL"};
  return state->api;
}

}  // namespace proxima::cli

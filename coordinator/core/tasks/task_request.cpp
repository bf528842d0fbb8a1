#include "coordinator/core/tasks/task_request.hpp"

#include <string>

#include "common/protocol/limits.hpp"
#include "coordinator/core/to_text.hpp"

namespace proxima::coordinator {
namespace {

std::string range(double lowest, double highest) {
  return "the range is " + (lowest < 0.1 ? std::string("0.01") : one_decimal(lowest)) + " to " + one_decimal(highest);
}

Result<void> check_promise(const char* field, const std::optional<double>& value_ms) {
  if (!value_ms || (*value_ms >= limits::deadline_ms_min && *value_ms <= limits::deadline_ms_max)) return {};
  return fail(std::string("cannot take ") + field, "it is out of range",
              range(limits::deadline_ms_min, limits::deadline_ms_max) + " milliseconds");
}

Result<void> check_names(const protocol::TaskSpec& spec) {
  if (!is_name(spec.name))
    return fail("cannot take the task's name", "it is not of the form [a-z0-9][a-z0-9-]{0,31}", "use lower case, digits and -");
  if (spec.version.empty() || spec.version.size() > limits::name_bytes)
    return fail("cannot take the task's version", "it is empty or longer than 32 bytes", "use one like 0.1.0");
  if (spec.module == Digest{}) return fail("cannot take the module", "its digest is zero", "send the SHA-256 of the .wasm");
  if (spec.pinned_node.size() > limits::name_bytes)
    return fail("cannot take pinned_node", "it is longer than 32 bytes", "give a node's name or id");
  if (spec.functions.size() > limits::functions)
    return fail("cannot take functions", "there are more than " + std::to_string(limits::functions), "");
  for (const std::string& function : spec.functions)
    if (function.empty() || function.size() > limits::function_bytes)
      return fail("cannot take functions", "a name is empty or longer than 32 bytes", "for example \"vision\"");
  return {};
}

}  // namespace

Result<void> check(const TaskRequested& request) {
  const protocol::TaskSpec& spec = request.spec;
  PROXIMA_TRY(check_names(spec));
  PROXIMA_TRY(check_promise("deadline_ms", spec.contract.deadline_ms));
  PROXIMA_TRY(check_promise("p95_ms", spec.contract.p95_ms));
  if (!(spec.contract.rate_hz >= limits::rate_hz_min && spec.contract.rate_hz <= limits::rate_hz_max))
    return fail("cannot take rate_hz", "it is out of range",
                range(limits::rate_hz_min, limits::rate_hz_max) + " frames a second");
  if (spec.memory_mib == 0 || spec.memory_mib > limits::memory_mib_max)
    return fail("cannot take memory_mib", "it is out of range",
                "the range is 1 to " + std::to_string(limits::memory_mib_max));
  if (spec.input.max_bytes == 0 || spec.input.max_bytes > limits::frame_bytes)
    return fail("cannot take input.max_bytes", "it is out of range",
                "the range is 1 to " + std::to_string(limits::frame_bytes));
  if (request.frame_bytes > spec.input.max_bytes)
    return fail("cannot take frame_bytes", "the first frame is larger than input.max_bytes", "raise max_bytes or send less");
  return {};
}

}  // namespace proxima::coordinator

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/io/file.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/include/proxima/client.hpp"
#include "sdk/src/manifest.hpp"

namespace proxima {

Expected<TaskDescription> load_task(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path given(path);
  const fs::path file = fs::is_directory(given, error) ? given / "task.toml" : given;
  const manifest::Reading reading = manifest::read_manifest(file.string());
  if (!reading.manifest)
    return Problem{ProblemKind::usage, "the manifest cannot be used", "\n" + reading.text(), ""};
  const protocol::TaskSpec& spec = reading.manifest->spec;
  const fs::path module = file.parent_path() / reading.manifest->module;
  auto bytes = io::read_file(module.string(), limits::module_bytes);
  if (!bytes)
    return Problem{ProblemKind::usage, "cannot read the module '" + module.string() + "' that " + file.string() +
                       " names", bytes.error().why.empty() ? bytes.error().what : bytes.error().why,
                   "build the task, or correct `module`"};
  if (bytes->empty())
    return Problem{ProblemKind::usage, "cannot use the module '" + module.string() + "' that " + file.string() + " names",
                   "it is empty", "build the task again"};
  TaskDescription out;
  out.name = spec.name;
  out.version = spec.version;
  out.module = std::move(*bytes);
  out.deadline_ms = spec.contract.deadline_ms;
  out.p95_ms = spec.contract.p95_ms;
  out.rate_hz = spec.contract.rate_hz;
  out.memory_mib = spec.memory_mib;
  out.functions = spec.functions;
  out.input = {static_cast<Format>(spec.input.format), spec.input.width, spec.input.height, spec.input.quality,
               spec.input.max_bytes};
  return out;
}

}  // namespace proxima

#include "sdk/src/manifest.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

#include "common/base/ids.hpp"
#include "common/protocol/limits.hpp"
#include "sdk/src/spelling.hpp"
#include "sdk/src/toml_reader.hpp"

namespace proxima::manifest {

namespace {

using Need = TableReader::Need;

constexpr std::size_t path_bytes = 1024;
constexpr double picture_most = 16'384;

const std::vector<std::string> sections{"task", "contract", "resources", "host", "input"};
const std::vector<std::string> formats{"bytes", "grey8", "jpeg_grey"};

/// The table of one section; a mistake where it is something else.
TableReader section(const toml::table& root, const char* name, Need need, Mistakes& mistakes) {
  const toml::node* node = root.get(name);
  const std::string shown = std::string("[") + name + "]";
  if (node == nullptr) {
    if (need == Need::required)
      mistakes.add(toml::source_region{{1, 1}, {1, 1}, {}}, "there is no " + shown, "it is required",
                   "add a line `" + shown + "`");
    return {nullptr, shown, {{1, 1}, {1, 1}, {}}, mistakes};
  }
  if (!node->is_table())
    mistakes.add(node->source(), std::string("'") + name + "' is no table", "it must be a section",
                 "write `" + shown + "`");
  return {node->as_table(), shown, node->source(), mistakes};
}

void read_task(const toml::table& root, Manifest& out, Mistakes& mistakes) {
  const bool there = root.contains("task") && root["task"].is_table();
  TableReader task = section(root, "task", Need::required, mistakes);
  const Need need = there ? Need::required : Need::optional;  // one mistake for the whole section is enough
  if (auto name = task.text("name", need, path_bytes)) {
    if (!is_name(*name))
      mistakes.add(task.place("name"), "'name' cannot be used", "it must match [a-z0-9][a-z0-9-]{0,31}",
                   "use lower-case letters, digits and hyphens");
    out.spec.name = std::move(*name);
  }
  out.spec.version = task.text("version", need, limits::name_bytes).value_or("");
  task.choice("kind", Need::optional, {"stream"});
  out.module = task.text("module", need, path_bytes).value_or("");
  task.refuse_the_rest();
}

void read_contract(const toml::table& root, Manifest& out, Mistakes& mistakes) {
  TableReader contract = section(root, "contract", Need::required, mistakes);
  const bool there = root.contains("contract") && root["contract"].is_table();
  const Range times{limits::deadline_ms_min, limits::deadline_ms_max};
  protocol::Contract& into = out.spec.contract;
  into.deadline_ms = contract.number("deadline_ms", there ? Need::required : Need::optional, times);
  into.p95_ms = contract.number("p95_ms", Need::optional, times);
  into.rate_hz = contract.number("rate_hz", there ? Need::required : Need::optional,
                                 {limits::rate_hz_min, limits::rate_hz_max}).value_or(1);
  if (into.p95_ms && into.deadline_ms && *into.p95_ms > *into.deadline_ms)
    mistakes.add(contract.place("p95_ms"), "'p95_ms' is longer than 'deadline_ms'",
                 "what is past its deadline is of no use", "make it at most the deadline");
  contract.refuse_the_rest();
}

void read_resources(const toml::table& root, Manifest& out, Mistakes& mistakes) {
  TableReader resources = section(root, "resources", Need::optional, mistakes);
  if (auto memory = resources.whole("memory_mib", Need::optional, {1, limits::memory_mib_max}))
    out.spec.memory_mib = *memory;
  resources.refuse_the_rest();
  TableReader host = section(root, "host", Need::optional, mistakes);
  out.spec.functions = host.texts("functions", limits::functions, limits::function_bytes);
  host.refuse_the_rest();
}

void read_input(const toml::table& root, Manifest& out, Mistakes& mistakes) {
  TableReader input = section(root, "input", Need::optional, mistakes);
  protocol::InputSpec& into = out.spec.input;
  if (const auto format = input.choice("format", Need::optional, formats))
    into.format = static_cast<protocol::FrameFormat>(std::find(formats.begin(), formats.end(), *format) -
                                                     formats.begin());
  if (auto width = input.whole("width", Need::optional, {1, picture_most}))
    into.width = static_cast<std::uint16_t>(*width);
  if (auto height = input.whole("height", Need::optional, {1, picture_most}))
    into.height = static_cast<std::uint16_t>(*height);
  if (auto quality = input.whole("quality", Need::optional, {1, 100}))
    into.quality = static_cast<std::uint8_t>(*quality);
  if (auto most = input.whole("max_bytes", Need::optional, {1, static_cast<double>(limits::frame_bytes)}))
    into.max_bytes = *most;
  if ((into.width == 0) != (into.height == 0))
    mistakes.add(input.place(into.width == 0 ? "height" : "width"), "[input] has only one of 'width' and 'height'",
                 "a picture has both", "add the other one, or leave both out");
  const std::uint64_t picture = std::uint64_t{into.width} * into.height;
  if (into.format == protocol::FrameFormat::grey8 && picture > into.max_bytes)
    mistakes.add(input.place("width"), "a picture of this size has " + std::to_string(picture) + " bytes",
                 "'max_bytes' is " + std::to_string(into.max_bytes), "make the picture smaller or 'max_bytes' larger");
  input.refuse_the_rest();
}

void refuse_unknown_sections(const toml::table& root, Mistakes& mistakes) {
  for (const auto& [key, node] : root) {
    if (std::find(sections.begin(), sections.end(), key.str()) != sections.end()) continue;
    const auto near = nearest_word(key.str(), sections);
    mistakes.add(key.source(), "unknown section or key '" + std::string(key.str().substr(0, 60)) + "'",
                 "a manifest has [task], [contract], [resources], [host] and [input]",
                 near ? "did you mean [" + *near + "]?" : "remove it");
  }
}

Reading one_mistake(Mistake mistake) {
  Reading out;
  out.mistakes.push_back(std::move(mistake));
  return out;
}

}  // namespace

std::string Mistake::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  out += ": " + what;
  if (!why.empty()) out += "; " + why;
  if (!hint.empty()) out += "; " + hint;
  return out;
}

std::string Reading::text() const {
  std::string out;
  for (const Mistake& mistake : mistakes) out += (out.empty() ? "" : "\n") + mistake.text();
  return out;
}

Reading parse_manifest(std::string_view text, const std::string& file) {
  if (text.size() > limits::manifest_bytes)
    return one_mistake({file, 0, 0, "the manifest is too large", "at most 64 KiB are read", ""});
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const toml::source_region& where = error.source();
    return one_mistake({file, where.begin.line, where.begin.column, "this is not TOML", std::string(error.description()),
                        "see https://toml.io"});
  }
  Mistakes mistakes(file);
  Manifest manifest;
  read_task(root, manifest, mistakes);
  read_contract(root, manifest, mistakes);
  read_resources(root, manifest, mistakes);
  read_input(root, manifest, mistakes);
  refuse_unknown_sections(root, mistakes);
  Reading out;
  if (mistakes.none()) {
    out.manifest = std::move(manifest);
  } else {
    out.mistakes = mistakes.take();
  }
  return out;
}

Reading read_manifest(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return one_mistake({path, 0, 0, "cannot read the manifest", std::strerror(errno), "is the path right?"});
  std::string text(limits::manifest_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return one_mistake({path, 0, 0, "cannot read the manifest", "the read failed", ""});
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_manifest(text, path);
}

}  // namespace proxima::manifest

#include "tests/e2e/recorded.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "common/io/digest.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace proxima::tests {
namespace {

using nlohmann::json;

/// Each frame led by its length, as run.mjs reads them.
void write_frames(const std::string& path, const std::vector<media::Payload>& frames) {
  std::ofstream out(path, std::ios::binary);
  for (const media::Payload& frame : frames) {
    for (unsigned i = 0; i < 4; ++i) out.put(static_cast<char>(frame.bytes.size() >> (8 * i)));
    out.write(reinterpret_cast<const char*>(frame.bytes.data()), static_cast<std::streamsize>(frame.bytes.size()));
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
  return bytes;
}

}  // namespace

std::vector<json> recorded(const std::string& path, const std::string& task) {
  std::ifstream in(path);
  std::vector<json> lines;
  for (std::string text; std::getline(in, text);) {
    json line = json::parse(text, nullptr, false);
    if (line.is_object() && line.value("task", "") == task) lines.push_back(std::move(line));
  }
  return lines;
}

std::map<std::uint64_t, std::vector<json>> answered_by_epoch(const std::vector<json>& lines) {
  std::map<std::uint64_t, std::vector<json>> epochs;
  for (const json& line : lines)
    if (line.at("status") == "ok") epochs[line.at("epoch").get<std::uint64_t>()].push_back(line);
  return epochs;
}

std::vector<media::Payload> make_again(const std::string& source, const protocol::InputSpec& wanted, const std::vector<json>& lines) {
  Result<std::unique_ptr<media::Source>> opened = media::open_source(source);
  if (!opened) throw std::runtime_error(opened.error().text());
  std::map<std::uint64_t, std::vector<std::size_t>> places;  // where the input of a picture belongs
  for (std::size_t i = 0; i < lines.size(); ++i) places[lines[i].at("source_frame").get<std::uint64_t>()].push_back(i);
  std::vector<media::Payload> made(lines.size());
  for (std::uint64_t number = 0; !places.empty(); ++number) {
    const Result<media::Picture> picture = (*opened)->next();
    if (!picture) throw std::runtime_error(picture.error().text());
    if (picture->index() != number) throw std::runtime_error("the source has no picture " + std::to_string(number));
    const auto place = places.find(number);
    if (place == places.end()) continue;
    const Result<media::Payload> payload = media::to_input(*picture, wanted);
    if (!payload) throw std::runtime_error(payload.error().text());
    for (const std::size_t i : place->second) made[i] = *payload;
    places.erase(place);
  }
  return made;
}

std::string sha256_text(const std::vector<std::uint8_t>& bytes) { return to_text(io::sha256(bytes)); }

std::vector<std::string> answers_in_node(const std::string& module, const std::vector<media::Payload>& frames) {
  const TempDir folder;
  write_frames(folder.file("frames"), frames);
  const media::Payload& first = frames.at(0);
  const Finished done = run({"node", PROXIMA_RUN_MJS, module, folder.file("frames"), std::to_string(static_cast<int>(first.format)),
                             std::to_string(first.width), std::to_string(first.height)});
  std::istringstream lines(done.output);
  std::string line;
  if (done.status != 0 || !std::getline(lines, line) || line != "open 0") throw std::runtime_error("node: " + done.output);
  std::vector<std::string> answers;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string what;
    std::string code;
    std::string output;
    words >> what >> code >> output;
    if (what != "frame" || code != "0") throw std::runtime_error("node: " + line);
    answers.push_back(sha256_text(from_hex(output)));
  }
  return answers;
}

}  // namespace proxima::tests

// What a stream wrote with --results, its inputs made again from the same source, and what a task's module answers to them in
// node. For tests; one thread. What cannot be read, made or run is thrown as a std::runtime_error.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sdk/src/input.hpp"

namespace proxima::tests {

/// The lines of one task that are complete so far, as they were written; none if there is no such file yet.
[[nodiscard]] std::vector<nlohmann::json> recorded(const std::string& path, const std::string& task);

/// The answered frames by the epoch that executed them, each epoch's in the order of their answers.
[[nodiscard]] std::map<std::uint64_t, std::vector<nlohmann::json>> answered_by_epoch(const std::vector<nlohmann::json>& lines);

/// One input for each line, from its `source_frame`: within the source's first pass.
[[nodiscard]] std::vector<media::Payload> make_again(const std::string& source, const protocol::InputSpec& wanted,
                                                     const std::vector<nlohmann::json>& lines);

[[nodiscard]] std::string sha256_text(const std::vector<std::uint8_t>& bytes);

/// Opens the module in node, feeds it the frames in this order, and gives the SHA-256 of each answer.
[[nodiscard]] std::vector<std::string> answers_in_node(const std::string& module, const std::vector<media::Payload>& frames);

}  // namespace proxima::tests

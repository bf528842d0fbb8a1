// Between the API's JSON and values, both ways. Pure; any thread. Only sdk/src and sdk/cli include it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sdk/src/api_client.hpp"

namespace proxima::client {

using Json = nlohmann::json;

/// nullopt unless `text` is one JSON object.
[[nodiscard]] std::optional<Json> parse_object(const std::string& text);

/// As text on one line; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string write(const Json& value);

/// Members of `object` with a default where they are missing or of another type.
[[nodiscard]] std::string text_of(const Json& object, const char* key);
[[nodiscard]] std::optional<double> number_of(const Json& object, const char* key);
[[nodiscard]] bool flag_of(const Json& object, const char* key);
/// An empty array where it is missing or no array.
[[nodiscard]] const Json& list_of(const Json& object, const char* key);

[[nodiscard]] std::optional<GrantInfo> grant_from(const Json& value);
[[nodiscard]] std::optional<PlacementDecision> decision_from(const Json& value);
[[nodiscard]] std::optional<TaskInfo> task_from(const Json& value);

[[nodiscard]] Json to_json(const TaskRequest& request);
[[nodiscard]] Json to_json(const Measurement& measurement);
[[nodiscard]] Json to_json(const Trial& trial);
[[nodiscard]] Json to_json(const PlacementDecision& decision);
/// The candidates alone, as the API and the demo's contract write them.
[[nodiscard]] Json candidates_json(const PlacementDecision& decision, bool with_counterfactual);

}  // namespace proxima::client

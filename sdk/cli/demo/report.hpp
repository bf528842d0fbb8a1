// The demo's page: one file, nothing from outside, drawn by the browser from the JSON inside it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.hpp"
#include "sdk/cli/demo/judge.hpp"

namespace proxima::demo {

struct ReportInput {
  nlohmann::json demo;        ///< by demo.schema.json
  Rows rows;
  double origin_ms = 0;
  std::string source;         ///< to take the pictures from
};

inline constexpr std::size_t pictures_wanted = 16;

/// Writes the page. Pictures are the frames that carried results of the most tasks, spread over the run.
[[nodiscard]] Result<void> write_report(const std::string& path, const ReportInput& input);

/// The closing screen: words and figures for people.
[[nodiscard]] std::string screen(const nlohmann::json& demo, const std::string& report_path);

}  // namespace proxima::demo

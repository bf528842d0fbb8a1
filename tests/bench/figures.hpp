// What a benchmark finds: samples, and rows as scripts/bench shows them (bench.schema.json). Values; one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace proxima::bench {

/// Nearest-rank percentile of samples in any order; 0 if there are none.
[[nodiscard]] double percentile(std::vector<double> samples, double share);
[[nodiscard]] double median(const std::vector<double>& samples);

struct Row {
  std::string bench;
  std::string row;
  std::string unit;
  double value = 0;  ///< the median unless the row's name says otherwise
  double min = 0;
  double max = 0;
  long n = 0;
  std::map<std::string, double> peers;  ///< in the row's unit, medians of the same run; or what docs/bench.md says
  std::optional<std::string> goal;
  std::optional<bool> met;
};

/// A row of the samples' median and spread; without a goal.
[[nodiscard]] Row row_of(std::string bench, std::string row, std::string unit, const std::vector<double>& samples);

/// One line of JSON by proxima/v1/bench.
[[nodiscard]] std::string to_json(const Row& row);

/// A table for people, each goal with whether it was met.
[[nodiscard]] std::string to_table(const std::vector<Row>& rows);

}  // namespace proxima::bench

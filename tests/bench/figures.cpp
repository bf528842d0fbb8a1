#include "tests/bench/figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

namespace proxima::bench {
namespace {

/// Three significant digits, or all before the point: what a person compares.
std::string number(double value) {
  char text[32];
  const double size = std::fabs(value);
  std::snprintf(text, sizeof text, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 || size == 0 ? "%.2f" : "%.3g", value);
  if (value == std::floor(value) && size < 1e9) std::snprintf(text, sizeof text, "%.0f", value);
  return text;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width > text.size() ? width - text.size() : 0, ' ');
  return right ? space + text : text + space;
}

std::string verdict(const Row& row) {
  if (!row.goal) return "";
  std::string words = *row.goal;
  if (row.met) words += *row.met ? ": met" : ": NOT met";
  return words;
}

std::string peers_of(const Row& row) {
  std::string words;
  for (const auto& [name, value] : row.peers) words += (words.empty() ? "" : ", ") + name + " " + number(value);
  return words;
}

}  // namespace

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

double median(const std::vector<double>& samples) { return percentile(samples, 0.5); }

Row row_of(std::string bench, std::string row, std::string unit, const std::vector<double>& samples) {
  Row out;
  out.bench = std::move(bench);
  out.row = std::move(row);
  out.unit = std::move(unit);
  out.value = median(samples);
  out.min = percentile(samples, 0);
  out.max = percentile(samples, 1);
  out.n = static_cast<long>(samples.size());
  return out;
}

std::string to_json(const Row& row) {
  nlohmann::ordered_json json{{"schema", "proxima/v1/bench"}, {"bench", row.bench}, {"row", row.row},
                              {"value", row.value},           {"unit", row.unit},   {"min", row.min},
                              {"max", row.max},               {"n", row.n},         {"peers", nlohmann::ordered_json::object()},
                              {"goal", nullptr},              {"met", nullptr}};
  for (const auto& [name, value] : row.peers) json["peers"][name] = value;
  if (row.goal) json["goal"] = *row.goal;
  if (row.met) json["met"] = *row.met;
  return json.dump();
}

std::string to_table(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> cells{{"bench", "row", "value", "unit", "min", "max", "n", "beside", "goal"}};
  for (const Row& row : rows)
    cells.push_back({row.bench, row.row, number(row.value), row.unit, number(row.min), number(row.max), std::to_string(row.n),
                     peers_of(row), verdict(row)});
  std::vector<std::size_t> widths(cells.front().size(), 0);
  for (const auto& line : cells)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : cells) {
    std::string one;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool right = i == 2 || (i >= 4 && i <= 6);
      one += (i == 0 ? "" : "  ") + padded(line[i], widths[i], right);
    }
    while (!one.empty() && one.back() == ' ') one.pop_back();
    text += one + "\n";
  }
  return text;
}

}  // namespace proxima::bench

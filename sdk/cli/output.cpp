#include "sdk/cli/output.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <unistd.h>

namespace proxima::cli {

namespace {

/// Columns that UTF-8 text takes, for the characters that appear here.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string painted(const char* code, const std::string& text) {
  return may_colour() ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

}  // namespace

int status_of(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::failed: return exit_failed;
    case ProblemKind::usage: return exit_usage;
    case ProblemKind::unreachable: return exit_unreachable;
    case ProblemKind::not_placed: return exit_not_placed;
    case ProblemKind::timed_out: return exit_timed_out;
  }
  return exit_failed;
}

int complain(const Problem& problem) {
  std::cerr << "proxima: " << problem.what;
  if (!problem.why.empty()) std::cerr << ": " << problem.why;
  std::cerr << '\n';
  if (!problem.hint.empty()) std::cerr << "  try: " << problem.hint << '\n';
  return status_of(problem.kind);
}

Problem problem_from(const Error& error, ProblemKind kind) { return {kind, error.what, error.why, error.hint}; }

bool may_colour() {
  static const bool may = [] {
    const char* no = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) != 0 && (no == nullptr || *no == '\0');
  }();
  return may;
}

std::string bold(const std::string& text) { return painted("1", text); }
std::string dim(const std::string& text) { return painted("2", text); }
std::string green(const std::string& text) { return painted("32", text); }
std::string red(const std::string& text) { return painted("31", text); }

std::string number_text(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string ms_text(const std::optional<double>& ms) {
  return ms ? number_text(*ms, *ms < 100 ? 2 : 0) + " ms" : "–";
}

std::string safe(const std::string& text) {
  std::string out = text;
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

Table::Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

void Table::add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  for (std::string& cell : row) cell = safe(cell);
  rows_.push_back(std::move(row));
}

void Table::print() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    std::cout << (&row == &rows_.front() ? bold(line) : line) << '\n';
  }
}

}  // namespace proxima::cli

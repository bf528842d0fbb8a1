// How every verb speaks: data on stdout, words on stderr, one exit status for each kind of problem. Main thread only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "sdk/include/proxima/client.hpp"

namespace proxima::cli {

enum ExitStatus : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_unreachable = 3,
  exit_not_placed = 5,
  exit_contract_missed = 6,
  exit_timed_out = 124,
};

[[nodiscard]] int status_of(ProblemKind kind);

/// Says what, why and what to try on stderr; returns the exit status of its kind.
int complain(const Problem& problem);
[[nodiscard]] Problem problem_from(const Error& error, ProblemKind kind);

/// True where stdout is a terminal and NO_COLOR is not set.
[[nodiscard]] bool may_colour();
[[nodiscard]] std::string bold(const std::string& text);
[[nodiscard]] std::string dim(const std::string& text);
[[nodiscard]] std::string green(const std::string& text);
[[nodiscard]] std::string red(const std::string& text);

/// "12.3 ms", or "–" where it is not known.
[[nodiscard]] std::string ms_text(const std::optional<double>& ms);
[[nodiscard]] std::string number_text(double value, int digits);

/// Text from the wire as it may stand on a terminal: control characters become '?'.
[[nodiscard]] std::string safe(const std::string& text);

/// Columns as wide as their widest cell, the first row printed bold. Cells must be free of escapes.
class Table {
 public:
  explicit Table(std::vector<std::string> head);
  void add(std::vector<std::string> row);
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace proxima::cli

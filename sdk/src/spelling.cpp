#include "sdk/src/spelling.hpp"

#include <algorithm>
#include <cstddef>

namespace proxima::manifest {

namespace {

// Levenshtein's distance in the form that keeps one row (Wagner and Fischer, 1974).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest_word(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view looked = word.substr(0, 64);
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(looked.size() / 3, 1) + 1;
  for (const std::string& candidate : known) {
    const std::size_t far = distance(looked, candidate);
    if (far >= best_distance) continue;
    best_distance = far;
    best = candidate;
  }
  return best;
}

}  // namespace proxima::manifest

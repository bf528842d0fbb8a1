// "Did you mean": the known word nearest to one that is not known. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace proxima::manifest {

/// The word of `known` with the smallest edit distance, if that is at most a third of the word's length (at least one).
[[nodiscard]] std::optional<std::string> nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace proxima::manifest

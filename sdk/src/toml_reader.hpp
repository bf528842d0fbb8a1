// Reads the values of one TOML table strictly: types, ranges, choices, and no key that nobody asked for. Collects mistakes
// and goes on. Included only by readers of TOML files in sdk/src.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "sdk/src/manifest.hpp"

namespace proxima::manifest {

class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}
  void add(const toml::source_region& where, std::string what, std::string why, std::string hint);
  /// In order of their places.
  [[nodiscard]] std::vector<Mistake> take();
  [[nodiscard]] bool none() const { return list_.empty(); }

 private:
  std::string file_;
  std::vector<Mistake> list_;
};

struct Range {
  double least = 0;
  double most = 0;
};

class TableReader {
 public:
  /// `name` is how the table is called in mistakes: "[task]". `table` may be null: then nothing is found.
  TableReader(const toml::table* table, std::string name, const toml::source_region& where, Mistakes& mistakes);

  enum class Need { required, optional };
  std::optional<std::string> text(const char* key, Need need, std::size_t most_bytes);
  std::optional<double> number(const char* key, Need need, Range range);
  std::optional<std::uint32_t> whole(const char* key, Need need, Range range);
  std::optional<std::string> choice(const char* key, Need need, const std::vector<std::string>& choices);
  std::vector<std::string> texts(const char* key, std::size_t most, std::size_t most_bytes);
  /// Where the value of `key` is, or else the table.
  [[nodiscard]] toml::source_region place(const char* key) const;
  /// Reports each key that was not asked for above. Call last.
  void refuse_the_rest();

 private:
  const toml::node* find(const char* key, Need need);
  void wrong_type(const toml::node& node, const char* key, const char* wanted);

  const toml::table* table_;
  std::string name_;
  toml::source_region where_;
  Mistakes& mistakes_;
  std::vector<std::string> known_;
};

}  // namespace proxima::manifest

#include "sdk/src/toml_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "sdk/src/spelling.hpp"

namespace proxima::manifest {

namespace {

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::string range_text(const Range& range) {
  return "it must be between " + number_text(range.least) + " and " + number_text(range.most);
}

/// A value of the file as it may stand in a message: short and without control characters.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > 60 ? "…'" : "'");
}

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

}  // namespace

void Mistakes::add(const toml::source_region& where, std::string what, std::string why, std::string hint) {
  list_.push_back({file_, where.begin.line, where.begin.column, std::move(what), std::move(why), std::move(hint)});
}

std::vector<Mistake> Mistakes::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Mistake& a, const Mistake& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return std::move(list_);
}

TableReader::TableReader(const toml::table* table, std::string name, const toml::source_region& where,
                         Mistakes& mistakes)
    : table_(table), name_(std::move(name)), where_(where), mistakes_(mistakes) {}

const toml::node* TableReader::find(const char* key, Need need) {
  known_.emplace_back(key);
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
  if (node == nullptr && need == Need::required)
    mistakes_.add(where_, name_ + " has no '" + key + "'", "it is required", "add `" + std::string(key) + " = …`");
  return node;
}

void TableReader::wrong_type(const toml::node& node, const char* key, const char* wanted) {
  mistakes_.add(node.source(), std::string("'") + key + "' is " + type_name(node), std::string("it must be ") + wanted,
                "");
}

toml::source_region TableReader::place(const char* key) const {
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
  return node == nullptr ? where_ : node->source();
}

std::optional<std::string> TableReader::text(const char* key, Need need, std::size_t most_bytes) {
  const toml::node* node = find(key, need);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) {
    wrong_type(*node, key, "a string");
    return std::nullopt;
  }
  if (value->get().empty() || value->get().size() > most_bytes) {
    mistakes_.add(node->source(), std::string("'") + key + "' has " + std::to_string(value->get().size()) + " bytes",
                  "1 to " + std::to_string(most_bytes) + " are allowed", "");
    return std::nullopt;
  }
  return value->get();
}

std::optional<double> TableReader::number(const char* key, Need need, Range range) {
  const toml::node* node = find(key, need);
  if (node == nullptr) return std::nullopt;
  if (!node->is_number()) {
    wrong_type(*node, key, "a number");
    return std::nullopt;
  }
  const double value = node->value<double>().value_or(NAN);
  if (!(value >= range.least && value <= range.most)) {
    mistakes_.add(node->source(), std::string("'") + key + "' is " + number_text(value), range_text(range), "");
    return std::nullopt;
  }
  return value;
}

std::optional<std::uint32_t> TableReader::whole(const char* key, Need need, Range range) {
  const toml::node* node = find(key, need);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    wrong_type(*node, key, "a whole number");
    return std::nullopt;
  }
  const auto number = static_cast<double>(value->get());
  if (number < range.least || number > range.most) {
    mistakes_.add(node->source(), std::string("'") + key + "' is " + std::to_string(value->get()), range_text(range),
                  "");
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(value->get());
}

std::optional<std::string> TableReader::choice(const char* key, Need need, const std::vector<std::string>& choices) {
  const toml::node* node = find(key, need);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) {
    wrong_type(*node, key, "a string");
    return std::nullopt;
  }
  if (std::find(choices.begin(), choices.end(), value->get()) != choices.end()) return value->get();
  std::string all;
  for (const std::string& one : choices) all += (all.empty() ? "\"" : ", \"") + one + "\"";
  const auto near = nearest_word(value->get(), choices);
  mistakes_.add(node->source(), std::string("'") + key + "' is " + quoted(value->get()), "it must be one of " + all,
                near ? "did you mean \"" + *near + "\"?" : "");
  return std::nullopt;
}

std::vector<std::string> TableReader::texts(const char* key, std::size_t most, std::size_t most_bytes) {
  const toml::node* node = find(key, Need::optional);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    wrong_type(*node, key, "an array of strings");
    return {};
  }
  if (array->size() > most) {
    mistakes_.add(node->source(), std::string("'") + key + "' has " + std::to_string(array->size()) + " entries",
                  "at most " + std::to_string(most) + " are allowed", "");
    return {};
  }
  std::vector<std::string> out;
  for (const toml::node& entry : *array) {
    const auto* value = entry.as_string();
    if (value == nullptr) {
      mistakes_.add(entry.source(), std::string("an entry of '") + key + "' is " + type_name(entry),
                    "it must be a string", "");
    } else if (value->get().empty() || value->get().size() > most_bytes) {
      mistakes_.add(entry.source(), std::string("an entry of '") + key + "' has " +
                    std::to_string(value->get().size()) + " bytes", "1 to " + std::to_string(most_bytes) +
                    " are allowed", "");
    } else {
      out.push_back(value->get());
    }
  }
  return out;
}

void TableReader::refuse_the_rest() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    const auto near = nearest_word(key.str(), known_);
    mistakes_.add(key.source(), name_ + " has the unknown key " + quoted(key.str()), "nothing reads it",
                  near ? "did you mean '" + *near + "'?" : "remove it");
  }
}

}  // namespace proxima::manifest

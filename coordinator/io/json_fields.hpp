// Reads a client's JSON strictly: a wrong type, a missing or unknown field, a number out of range, a field that comes
// twice, nesting without end. The first fault is kept with the path of its field. Used by api_json_read; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.hpp"

namespace proxima::coordinator {

/// The first thing that was wrong, in words that begin with the field's path.
class Fault {
 public:
  void set(const std::string& path, const std::string& words) {
    if (!why_) why_ = (path.empty() ? std::string("the body") : path) + ": " + words;
  }
  [[nodiscard]] bool any() const { return why_.has_value(); }
  [[nodiscard]] const std::string& why() const { return *why_; }

 private:
  std::optional<std::string> why_;
};

/// The document, or why it is none. `what` names it for people: "the task request".
Result<nlohmann::json> parse_json(std::string_view body, const std::string& what);

struct Range {
  double low;
  double high;
};

struct WholeRange {
  std::uint64_t low;
  std::uint64_t high;
};

/// One object of the document. Each getter notes the field as known; done() faults the rest. A field that is null counts
/// as left out. After a fault getters go on with harmless values.
class Fields {
 public:
  Fields(const nlohmann::json& value, std::string path, Fault& fault);

  [[nodiscard]] bool present(std::string_view key);
  std::string text(std::string_view key, std::size_t max_bytes);
  std::string text_or(std::string_view key, std::size_t max_bytes, const std::string& otherwise);
  double number(std::string_view key, Range range);
  std::optional<double> optional_number(std::string_view key, Range range);
  std::uint64_t whole(std::string_view key, WholeRange range);
  std::uint64_t whole_or(std::string_view key, WholeRange range, std::uint64_t otherwise);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool otherwise);
  Fields object(std::string_view key);
  /// The elements with their paths; more than `max` of them are a fault.
  struct Element {
    const nlohmann::json* value;
    std::string path;
  };
  std::vector<Element> array(std::string_view key, std::size_t max);
  std::vector<Element> array_or_empty(std::string_view key, std::size_t max);

  [[nodiscard]] std::string path_of(std::string_view key) const;
  Fault& fault() { return *fault_; }
  void done();

 private:
  const nlohmann::json* find(std::string_view key);
  const nlohmann::json* need(std::string_view key, const char* kind);

  const nlohmann::json* value_;
  std::string path_;
  Fault* fault_;
  std::set<std::string, std::less<>> known_;
};

/// How a value looks in a message: its JSON, cut short.
std::string shown(const nlohmann::json& value);
/// A text element of an array; faults anything else.
std::string element_text(const Fields::Element& element, std::size_t max_bytes, Fault& fault);
double element_number(const Fields::Element& element, Range range, Fault& fault);

}  // namespace proxima::coordinator

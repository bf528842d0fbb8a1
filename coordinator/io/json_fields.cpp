#include "coordinator/io/json_fields.hpp"

#include <cmath>
#include <cstdio>
#include <utility>

namespace proxima::coordinator {
namespace {

using nlohmann::json;

constexpr int depth_max = 8;
constexpr std::size_t shown_bytes = 40;

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

void check_number(const json& value, const std::string& path, Range range, Fault& fault) {
  const double number = value.is_number() ? value.get<double>() : 0;
  if (value.is_number() && std::isfinite(number) && number >= range.low && number <= range.high) return;
  fault.set(path, "must be a number from " + number_text(range.low) + " to " + number_text(range.high) + ", not " +
                      shown(value));
}

void check_text(const json& value, const std::string& path, std::size_t max_bytes, Fault& fault) {
  if (!value.is_string()) {
    fault.set(path, "must be a text, not " + shown(value));
  } else if (value.get_ref<const std::string&>().size() > max_bytes) {
    fault.set(path, "must have at most " + std::to_string(max_bytes) + " bytes");
  }
}

}  // namespace

std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > shown_bytes) text = text.substr(0, shown_bytes) + "…";
  return text;
}

Result<json> parse_json(std::string_view body, const std::string& what) {
  std::string fault;
  std::vector<std::set<std::string>> keys;  // of the objects that are open, to see a field that comes twice
  const auto watch = [&fault, &keys](int depth, json::parse_event_t event, json& parsed) {
    if (depth > depth_max) {
      if (fault.empty()) fault = "it is nested deeper than " + std::to_string(depth_max) + " levels";
      return false;
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty()) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && fault.empty()) fault = "the field " + shown(parsed) + " comes twice";
    }
    return true;
  };
  try {
    json document = json::parse(body.begin(), body.end(), watch);
    if (!fault.empty()) return fail("cannot read " + what, fault);
    return document;
  } catch (const json::parse_error& error) {
    return fail("cannot read " + what, "it is not JSON: see byte " + std::to_string(error.byte),
                "docs/api.md shows what belongs here");
  } catch (const json::exception&) {
    return fail("cannot read " + what, "a number in it is too large for any computer's arithmetic");
  }
}

Fields::Fields(const json& value, std::string path, Fault& fault)
    : value_(&value), path_(std::move(path)), fault_(&fault) {
  if (!value.is_object()) fault.set(path_, "must be an object, not " + shown(value));
}

std::string Fields::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const json* Fields::find(std::string_view key) {
  known_.emplace(key);
  if (!value_->is_object()) return nullptr;
  const auto it = value_->find(std::string(key));
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

const json* Fields::need(std::string_view key, const char* kind) {
  const json* value = find(key);
  if (value == nullptr) fault_->set(path_of(key), std::string("is missing: ") + kind + " is needed");
  return value;
}

bool Fields::present(std::string_view key) { return find(key) != nullptr; }

std::string Fields::text(std::string_view key, std::size_t max_bytes) {
  const json* value = need(key, "a text");
  if (value == nullptr) return {};
  check_text(*value, path_of(key), max_bytes, *fault_);
  return value->is_string() ? value->get<std::string>() : std::string();
}

std::string Fields::text_or(std::string_view key, std::size_t max_bytes, const std::string& otherwise) {
  return present(key) ? text(key, max_bytes) : otherwise;
}

double Fields::number(std::string_view key, Range range) {
  const json* value = need(key, "a number");
  if (value == nullptr) return range.low;
  check_number(*value, path_of(key), range, *fault_);
  return value->is_number() ? value->get<double>() : range.low;
}

std::optional<double> Fields::optional_number(std::string_view key, Range range) {
  if (!present(key)) return std::nullopt;
  return number(key, range);
}

std::uint64_t Fields::whole(std::string_view key, WholeRange range) {
  const json* value = need(key, "a whole number");
  if (value == nullptr) return range.low;
  const std::uint64_t number = value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
  if (!value->is_number_unsigned() || number < range.low || number > range.high) {
    fault_->set(path_of(key), "must be a whole number from " + std::to_string(range.low) + " to " +
                                  std::to_string(range.high) + ", not " + shown(*value));
    return range.low;
  }
  return number;
}

std::uint64_t Fields::whole_or(std::string_view key, WholeRange range, std::uint64_t otherwise) {
  return present(key) ? whole(key, range) : otherwise;
}

bool Fields::boolean(std::string_view key) {
  const json* value = need(key, "true or false");
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    fault_->set(path_of(key), "must be true or false, not " + shown(*value));
    return false;
  }
  return value->get<bool>();
}

bool Fields::boolean_or(std::string_view key, bool otherwise) { return present(key) ? boolean(key) : otherwise; }

Fields Fields::object(std::string_view key) {
  static const json empty = json::object();
  const json* value = need(key, "an object");
  return Fields(value == nullptr ? empty : *value, path_of(key), *fault_);
}

std::vector<Fields::Element> Fields::array(std::string_view key, std::size_t max) {
  std::vector<Element> elements;
  const json* value = need(key, "a list");
  if (value == nullptr) return elements;
  if (!value->is_array()) {
    fault_->set(path_of(key), "must be a list, not " + shown(*value));
    return elements;
  }
  if (value->size() > max) {
    fault_->set(path_of(key), "has " + std::to_string(value->size()) + " elements, more than " + std::to_string(max));
    return elements;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    elements.push_back({&(*value)[i], path_of(key) + "[" + std::to_string(i) + "]"});
  }
  return elements;
}

std::vector<Fields::Element> Fields::array_or_empty(std::string_view key, std::size_t max) {
  return present(key) ? array(key, max) : std::vector<Element>();
}

void Fields::done() {
  if (!value_->is_object()) return;
  for (const auto& [key, value] : value_->items()) {
    if (known_.find(key) != known_.end()) continue;
    const std::string cut = key.size() > shown_bytes ? key.substr(0, shown_bytes) + "…" : key;
    fault_->set(path_of(cut), "is not a field of this");
  }
}

std::string element_text(const Fields::Element& element, std::size_t max_bytes, Fault& fault) {
  check_text(*element.value, element.path, max_bytes, fault);
  return element.value->is_string() ? element.value->get<std::string>() : std::string();
}

double element_number(const Fields::Element& element, Range range, Fault& fault) {
  check_number(*element.value, element.path, range, fault);
  return element.value->is_number() ? element.value->get<double>() : range.low;
}

}  // namespace proxima::coordinator

#include "sdk/netlab/lab_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <toml++/toml.h>

#include "common/base/ids.hpp"
#include "sdk/netlab/core/link_shape.hpp"

// Compiled from its headers, toml++ 3.3 aborts on input such as "[?a]"; Debian's shared library refuses it as it should.
static_assert(TOML_HEADER_ONLY == 0, "link tomlplusplus::tomlplusplus");

namespace proxima::netlab {

namespace {

constexpr double min_cpu_percent = 1.0;
constexpr double max_cpu_percent = 100.0;
constexpr std::int64_t max_memory_mib = 1024 * 1024;
constexpr std::array<std::string_view, 1> known_host_functions{"vision"};
constexpr std::string_view node_keys =
    "name, rtt_ms, jitter_ms, loss_percent, rate_mbit, cpu_percent, memory_mib, host, cloud";

// Collects what is wrong and keeps the first by place: toml++ hands out keys in alphabetical order, people read by line.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const toml::source_region& where, const std::string& what, std::string why, std::string hint) {
    const Place place{where.begin.line, where.begin.column};
    if (first_ && !(place < *first_)) return;
    first_ = place;
    error_ = {file_ + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + what,
              std::move(why), std::move(hint)};
  }

  [[nodiscard]] bool empty() const { return !first_; }
  [[nodiscard]] Failure failure() const { return Failure{error_}; }

 private:
  struct Place {
    std::uint32_t line;
    std::uint32_t column;
    auto operator<=>(const Place&) const = default;
  };
  std::string file_;
  std::optional<Place> first_;
  Error error_;
};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string kind_of(const toml::node& value) {
  switch (value.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "a boolean";
    default: return "a date or time";
  }
}

void wrong_type(Problems& problems, std::string_view key, const toml::node& value, const std::string& wanted) {
  problems.add(value.source(), quoted(key) + " has the wrong type", "it is " + kind_of(value), "write " + wanted);
}

void out_of_range(Problems& problems, std::string_view key, const toml::node& value, double number, double min,
                  double max) {
  problems.add(value.source(), std::string(key) + " = " + to_text(number), "out of range",
               "use " + range_text(min, max));
}

void read_number(Problems& problems, std::string_view key, const toml::node& value, double min, double max,
                 double& into) {
  if (!value.is_number()) return wrong_type(problems, key, value, "a number, " + range_text(min, max));
  const double number = value.value<double>().value_or(std::nan(""));
  if (!(number >= min && number <= max)) return out_of_range(problems, key, value, number, min, max);
  into = number;
}

void read_memory(Problems& problems, const toml::node& value, std::uint32_t& into) {
  const auto* integer = value.as_integer();
  if (integer == nullptr) return wrong_type(problems, "memory_mib", value, "a whole number of MiB");
  if (integer->get() < 1 || integer->get() > max_memory_mib) {
    return out_of_range(problems, "memory_mib", value, static_cast<double>(integer->get()), 1.0,
                        static_cast<double>(max_memory_mib));
  }
  into = static_cast<std::uint32_t>(integer->get());
}

void read_name(Problems& problems, const toml::node& value, std::set<std::string>& taken, std::string& into) {
  const auto* text = value.as_string();
  if (text == nullptr) return wrong_type(problems, "name", value, "a string, such as \"kitchen-router\"");
  if (!is_name(text->get())) {
    return problems.add(value.source(), "'name' is not a name", "it must match [a-z0-9][a-z0-9-]{0,31}",
                        "use up to 32 small letters, digits and hyphens, such as \"kitchen-router\"");
  }
  if (!taken.insert(text->get()).second) {
    return problems.add(value.source(), "second node named " + quoted(text->get()),
                        "every node needs a name of its own", "give this one another name");
  }
  into = text->get();
}

void read_host(Problems& problems, const toml::node& value, std::vector<std::string>& into) {
  const auto* list = value.as_array();
  if (list == nullptr) return wrong_type(problems, "host", value, "an array of strings, such as [\"vision\"]");
  for (const toml::node& item : *list) {
    const auto* text = item.as_string();
    if (text == nullptr) {
      wrong_type(problems, "host", item, "the names of host functions, such as \"vision\"");
    } else if (std::find(known_host_functions.begin(), known_host_functions.end(), text->get()) ==
               known_host_functions.end()) {
      problems.add(item.source(), "unknown host function " + quoted(text->get().substr(0, 64)),
                   "no node can offer it", "known is: vision");
    } else if (std::find(into.begin(), into.end(), text->get()) != into.end()) {
      problems.add(item.source(), "host function " + quoted(text->get()) + " is named twice",
                   "once says that it is on offer", "remove one");
    } else {
      into.push_back(text->get());
    }
  }
}

void read_cloud(Problems& problems, const toml::node& value, bool& cloud_seen, bool& into) {
  const auto* flag = value.as_boolean();
  if (flag == nullptr) return wrong_type(problems, "cloud", value, "true or false");
  if (flag->get() && cloud_seen) {
    return problems.add(value.source(), "second node with cloud = true", "at most one node is the cloud",
                        "remove it here or there");
  }
  cloud_seen = cloud_seen || flag->get();
  into = flag->get();
}

struct Seen {
  std::set<std::string> names;
  bool cloud = false;
};

LabNode read_node(Problems& problems, const toml::table& table, Seen& seen) {
  LabNode node;
  const std::array<std::pair<std::string_view, double*>, 4> figures{{{"rtt_ms", &node.rtt_ms},
                                                                     {"jitter_ms", &node.jitter_ms},
                                                                     {"loss_percent", &node.loss_percent},
                                                                     {"rate_mbit", &node.rate_mbit}}};
  for (const auto& [key, value] : table) {
    const std::string_view name = key.str();
    const auto figure = std::find_if(figures.begin(), figures.end(), [&](const auto& f) { return f.first == name; });
    if (figure != figures.end()) {
      const ShapeField* field = shape_field(name);
      read_number(problems, name, value, field->min, field->max, *figure->second);
    } else if (name == "cpu_percent") {
      read_number(problems, name, value, min_cpu_percent, max_cpu_percent, node.cpu_percent);
    } else if (name == "memory_mib") {
      read_memory(problems, value, node.memory_mib);
    } else if (name == "name") {
      read_name(problems, value, seen.names, node.name);
    } else if (name == "host") {
      read_host(problems, value, node.host);
    } else if (name == "cloud") {
      read_cloud(problems, value, seen.cloud, node.cloud);
    } else {
      problems.add(key.source(), "unknown key " + quoted(name.substr(0, 64)), "a node has no such setting",
                   "a node may have " + std::string(node_keys));
    }
  }
  for (const std::string_view required : {std::string_view("name"), std::string_view("rtt_ms")}) {
    if (!table.contains(required)) {
      problems.add(table.source(), "this node has no " + quoted(required), "a node needs a name and a distance",
                   required == "name" ? "add a line such as: name = \"kitchen-router\"" : "add a line such as: rtt_ms = 1.5");
    }
  }
  return node;
}

void read_nodes(Problems& problems, const toml::node& value, Lab& lab) {
  const auto* list = value.as_array();
  if (list == nullptr) return wrong_type(problems, "node", value, "[[node]] above each node's lines");
  Seen seen;
  for (const toml::node& item : *list) {
    const auto* table = item.as_table();
    if (table == nullptr) {
      wrong_type(problems, "node", item, "[[node]] above each node's lines");
    } else if (lab.nodes.size() == max_lab_nodes) {
      return problems.add(item.source(), "node 17", "a lab has at most 16 nodes", "remove this one or another");
    } else {
      lab.nodes.push_back(read_node(problems, *table, seen));
    }
  }
}

Result<Lab> lab_from(const toml::table& root, const std::string& file) {
  Problems problems(file);
  Lab lab;
  for (const auto& [key, value] : root) {
    if (key.str() == "node") {
      read_nodes(problems, value, lab);
    } else {
      problems.add(key.source(), "unknown key " + quoted(key.str().substr(0, 64)), "a lab holds nodes only",
                   "write [[node]] above each node's lines");
    }
  }
  if (!problems.empty()) return problems.failure();
  if (lab.nodes.empty()) {
    return fail(file + ":1:1: no nodes", "a lab has 1 to 16", "add [[node]] with a name and an rtt_ms");
  }
  return lab;
}

}  // namespace

Result<Lab> parse_lab(std::string_view text, const std::string& file) {
  try {
    return lab_from(toml::parse(text, file), file);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return fail(file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": not TOML",
                std::string(error.description()), "see https://toml.io for the format");
  }
}

Result<Lab> read_lab(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return fail("cannot open the lab file '" + path + "'", "no such file, or not readable", "check the path");
  std::string text(max_lab_file_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return fail("cannot read the lab file '" + path + "'", "it is a directory, or the disk failed", "name a file");
  }
  if (text.size() > max_lab_file_bytes) {
    return fail("cannot read the lab file '" + path + "'", "it is larger than 64 KiB", "a lab has at most 16 nodes");
  }
  return parse_lab(text, path);
}

}  // namespace proxima::netlab

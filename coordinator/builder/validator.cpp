#include "coordinator/builder/validator.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "common/protocol/limits.hpp"
#include "coordinator/builder/code_check.hpp"
#include "coordinator/builder/wasm_reader.hpp"

namespace proxima::builder {
namespace {

/// A function type in letters: parameters, a colon, the result. i = i32, l = i64, f = f32, d = f64.
using Signature = std::string;

struct Known {
  std::string_view module;
  std::string_view name;
  std::string_view signature;
};

constexpr std::array<Known, 5> known_imports{{
    {"proxima:task@1", "output", "ii:"},
    {"proxima:task@1", "log", "iii:"},
    {"proxima:task@1", "now_ns", ":l"},
    {"proxima:task@1", "trap", "i:"},
    {"proxima:vision@1", "hog_people", "iiii:i"},
}};

constexpr std::array<Known, 6> needed_exports{{
    {"", "_initialize", ":"},
    {"", "proxima_abi", ":i"},
    {"", "frame_buffer", "i:i"},
    {"", "on_open", "iii:i"},
    {"", "on_frame", "iiii:i"},
    {"", "on_close", ":"},
}};

char letter_of(std::uint8_t type) {
  switch (type) {
    case 0x7f: return 'i';
    case 0x7e: return 'l';
    case 0x7d: return 'f';
    case 0x7c: return 'd';
    default: return '?';
  }
}

std::string in_words(std::string_view signature) {
  std::string out = "(";
  for (const char c : signature) {
    if (c == ':') {
      out += ") -> ";
      continue;
    }
    if (out.back() != '(' && out.back() != ' ') out += ", ";
    out += c == 'i' ? "i32" : c == 'l' ? "i64" : c == 'f' ? "f32" : "f64";
  }
  return signature.back() == ':' ? out + "nothing" : out;
}

/// A stranger's name, made fit for a message.
std::string shown(std::string_view name) {
  std::string out = "'";
  for (const char c : name.substr(0, 64)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + "'";
}

class ModuleCheck {
 public:
  ModuleCheck(std::span<const std::uint8_t> bytes, std::uint32_t memory_mib) : in_(bytes), memory_mib_(memory_mib) {}

  Result<ModuleFacts> run() {
    if (in_.left() > limits::module_bytes)
      in_.refuse("it has " + std::to_string(in_.left()) + " bytes, allowed are " + std::to_string(limits::module_bytes));
    if (in_.text(4) != std::string_view("\0asm", 4)) in_.refuse("it is not a WebAssembly module");
    if (in_.text(4) != std::string_view("\1\0\0\0", 4)) in_.refuse("it is not version 1 of the binary format");
    std::uint32_t sections = 0;
    while (!in_.failed() && !in_.at_end()) {
      if (++sections > module_limits::sections) in_.refuse("too many sections");
      section();
    }
    if (!in_.failed()) whole();
    if (in_.failed()) return in_.failure();
    facts_.functions = static_cast<std::uint32_t>(own_.size());
    return facts_;
  }

 private:
  void section() {
    const std::uint8_t id = in_.byte();
    const std::uint32_t size = in_.u32();
    if (in_.failed()) return;
    if (id != 0 && !in_order(id)) return;
    WasmReader body = in_.part(size);
    if (in_.failed() || id == 0) return;  // custom sections say nothing that counts
    read(id, body);
    if (!body.failed() && !body.at_end()) body.refuse("a section is longer than its content");
    in_.adopt(body);
  }

  /// Sections come once each, in the order of the specification; 12 (count of data segments) before 10 (code).
  bool in_order(std::uint8_t id) {
    constexpr std::array<std::uint8_t, 12> order{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11};
    const auto found = std::find(order.begin(), order.end(), id);
    if (found == order.end()) return in_.refuse("unknown section " + std::to_string(id));
    const auto place = static_cast<int>(found - order.begin());
    if (place <= last_section_) return in_.refuse("sections are repeated or out of order");
    last_section_ = place;
    return true;
  }

  void read(std::uint8_t id, WasmReader& in) {
    switch (id) {
      case 1: types(in); break;
      case 2: imports(in); break;
      case 3: functions(in); break;
      case 4: tables(in); break;
      case 5: memories(in); break;
      case 6: globals(in); break;
      case 7: exports(in); break;
      case 8: in.refuse("it has a start function; tasks start by _initialize"); break;
      case 9: elements(in); break;
      case 10: code(in); break;
      case 11: data(in); break;
      default: data_count(in); break;
    }
  }

  void types(WasmReader& in) {
    const std::uint32_t count = in.bounded(module_limits::types, "types");
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      if (in.byte() != 0x60) {
        in.refuse("a type is not that of a function");
        return;
      }
      Signature signature;
      number_types(in, module_limits::parameters, "parameters", signature);
      signature += ':';
      number_types(in, 1, "results", signature);
      types_.push_back(std::move(signature));
    }
  }

  static void number_types(WasmReader& in, std::uint32_t most, std::string_view what, Signature& out) {
    const std::uint32_t count = in.bounded(most, what);
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      const std::uint8_t type = in.byte();
      if (!is_number_type(type)) {
        in.refuse("a function takes or gives something that is not a number");
        return;
      }
      out += letter_of(type);
    }
  }

  void imports(WasmReader& in) {
    const std::uint32_t count = in.bounded(module_limits::imports, "imports");
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) import(in);
  }

  void import(WasmReader& in) {
    const std::string_view module = in.text(in.u32());
    const std::string_view name = in.text(in.u32());
    const std::uint8_t kind = in.byte();
    if (in.failed()) return;
    const std::string text = shown(name) + " from " + shown(module);
    if (kind != 0) {
      in.refuse("it imports " + text + ", which is not a function");
      return;
    }
    const std::uint32_t type = in.index(static_cast<std::uint32_t>(types_.size()), "type");
    if (in.failed()) return;
    const auto found = std::find_if(known_imports.begin(), known_imports.end(),
                                    [&](const Known& known) { return known.module == module && known.name == name; });
    if (found == known_imports.end()) {
      in.refuse("it imports " + text + ", which no host offers");
      return;
    }
    if (types_[type] != found->signature) {
      in.refuse("it imports " + text + " as " + in_words(types_[type]) + ", but it is " + in_words(found->signature));
      return;
    }
    const auto index = static_cast<std::size_t>(found - known_imports.begin());
    if (imported_[index]) {
      in.refuse("it imports " + text + " twice");
      return;
    }
    imported_[index] = true;
    all_functions_.push_back(type);
    if (module == "proxima:vision@1" && facts_.groups.empty()) facts_.groups.emplace_back("vision");
  }

  void functions(WasmReader& in) {
    const std::uint32_t count = in.bounded(module_limits::functions, "functions");
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      own_.push_back(in.index(static_cast<std::uint32_t>(types_.size()), "type"));
      all_functions_.push_back(own_.back());
    }
  }

  void tables(WasmReader& in) {
    tables_ = in.bounded(1, "tables");
    if (tables_ == 0 || in.failed()) return;
    if (in.byte() != 0x70) {
      in.refuse("the table holds something else than functions");
      return;
    }
    const std::uint32_t flags = in.bounded(1, "as the flags of a table");
    table_elements_ = in.bounded(module_limits::table_elements, "table elements");
    if (flags == 1 && in.u32() < table_elements_) in.refuse("the table's maximum is below its size");
  }

  void memories(WasmReader& in) {
    if (in.u32() != 1) {
      in.refuse("it must have exactly one memory of its own");
      return;
    }
    const std::uint32_t flags = in.u32();
    if (in.failed()) return;
    if (flags > 1) {
      in.refuse((flags & 2U) != 0 ? "its memory is shared between threads" : "its memory has 64-bit addresses or odd pages");
      return;
    }
    if (flags == 0) {
      in.refuse("its memory has no maximum (link with --max-memory)");
      return;
    }
    facts_.memory_pages = in.u32();
    facts_.memory_max_pages = in.u32();
    if (in.failed()) return;
    if (facts_.memory_max_pages > 65536 || facts_.memory_pages > facts_.memory_max_pages || facts_.memory_max_pages == 0)
      in.refuse("its memory has a senseless size");
    else if (facts_.memory_max_pages > std::uint64_t{memory_mib_} * 16)
      in.refuse("its memory may grow to " + std::to_string(facts_.memory_max_pages / 16) +
                " MiB, the manifest allows " + std::to_string(memory_mib_) + " (memory_mib, or link with a smaller --max-memory)");
  }

  /// `type`.const and end.
  static void constant(WasmReader& in, std::uint8_t type) {
    const std::uint8_t opcode = in.byte();
    if (in.failed()) return;
    if (opcode != 0x41 + (0x7f - type)) {
      in.refuse("an initial value is not a constant of its type");
      return;
    }
    if (opcode == 0x41) in.skip_signed(32);
    if (opcode == 0x42) in.skip_signed(64);
    if (opcode == 0x43) in.skip(4);
    if (opcode == 0x44) in.skip(8);
    if (in.byte() != 0x0b) in.refuse("an initial value is more than a constant");
  }

  void globals(WasmReader& in) {
    globals_ = in.bounded(module_limits::globals, "globals");
    for (std::uint32_t i = 0; i < globals_ && !in.failed(); ++i) {
      const std::uint8_t type = in.byte();
      if (!in.failed() && !is_number_type(type)) {
        in.refuse("a global is not a number");
        return;
      }
      in.bounded(1, "as the mutability of a global");
      constant(in, type);
    }
  }

  void exports(WasmReader& in) {
    const std::uint32_t count = in.bounded(module_limits::exports, "exports");
    std::vector<std::string_view> seen;
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      const std::string_view name = in.text(in.u32());
      const std::uint8_t kind = in.byte();
      const std::uint32_t index = in.u32();
      if (in.failed()) return;
      const bool plain = !name.empty() && name.size() <= module_limits::name_bytes &&
                         std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                         });
      if (!plain) {
        in.refuse("it exports " + shown(name) + "; names are made of a-z, 0-9 and _");
        return;
      }
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
        in.refuse("it exports " + shown(name) + " twice");
        return;
      }
      seen.push_back(name);
      export_of(in, name, kind, index);
    }
  }

  void export_of(WasmReader& in, std::string_view name, std::uint8_t kind, std::uint32_t index) {
    if (name == "memory") {
      if (kind != 2 || index != 0) in.refuse("its export 'memory' is not its memory");
      exports_memory_ = true;
      return;
    }
    if (kind != 0) {
      in.refuse("it exports " + shown(name) + ", which is not a function");
      return;
    }
    if (index >= all_functions_.size()) {
      in.refuse("there is no function " + std::to_string(index));
      return;
    }
    for (std::size_t i = 0; i < needed_exports.size(); ++i) {
      if (needed_exports[i].name != name) continue;
      const Signature& signature = types_[all_functions_[index]];
      if (signature != needed_exports[i].signature)
        in.refuse("it exports " + shown(name) + " as " + in_words(signature) + ", but it must be " +
                  in_words(needed_exports[i].signature));
      exported_[i] = true;
    }
  }

  void elements(WasmReader& in) {
    const std::uint32_t segments = in.bounded(module_limits::element_segments, "element segments");
    std::uint32_t all = 0;
    for (std::uint32_t i = 0; i < segments && !in.failed(); ++i) {
      if (in.u32() != 0 || tables_ == 0) {
        in.refuse("an element segment is not a plain one of the table");
        return;
      }
      constant(in, 0x7f);
      const std::uint32_t count = in.bounded(module_limits::table_elements, "elements");
      all += count;
      if (all > module_limits::table_elements) in.refuse("too many elements");
      for (std::uint32_t k = 0; k < count && !in.failed(); ++k)
        in.index(static_cast<std::uint32_t>(all_functions_.size()), "function");
    }
  }

  void data_count(WasmReader& in) {
    data_segments_ = in.bounded(module_limits::data_segments, "data segments");
    data_count_known_ = true;
  }

  void code(WasmReader& in) {
    if (in.left() > module_limits::code_bytes) {
      in.refuse("its code has " + std::to_string(in.left()) + " bytes, allowed are " + std::to_string(module_limits::code_bytes));
      return;
    }
    if (in.u32() != own_.size()) {
      in.refuse("it declares another number of functions than it has");
      return;
    }
    has_code_ = true;
    const CodeContext context{static_cast<std::uint32_t>(types_.size()), static_cast<std::uint32_t>(all_functions_.size()),
                              globals_, tables_, data_segments_, data_count_known_};
    for (const std::uint32_t type : own_) {
      const std::uint32_t size = in.bounded(module_limits::body_bytes, "bytes in one function");
      WasmReader body = in.part(size);
      if (in.failed()) return;
      check_body(body, static_cast<std::uint32_t>(types_[type].find(':')), context);
      if (!in.adopt(body)) return;
    }
  }

  void data(WasmReader& in) {
    const std::uint32_t count = in.bounded(module_limits::data_segments, "data segments");
    if (data_count_known_ && count != data_segments_) {
      in.refuse("it declares another number of data segments than it has");
      return;
    }
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      const std::uint32_t kind = in.bounded(1, "as the kind of a data segment");
      if (kind == 0) constant(in, 0x7f);
      in.skip(in.u32());
    }
  }

  /// What only the whole shows.
  void whole() {
    if (facts_.memory_max_pages == 0) {
      in_.refuse("it must have exactly one memory of its own");
    } else if (!own_.empty() && !has_code_) {
      in_.refuse("it declares functions but has no code");
    } else if (!exports_memory_) {
      in_.refuse("it does not export its 'memory'");
    }
    for (std::size_t i = 0; i < needed_exports.size() && !in_.failed(); ++i) {
      if (!exported_[i])
        in_.refuse("it does not export " + shown(needed_exports[i].name) + " " + in_words(needed_exports[i].signature) +
                   " (PROXIMA_TASK registers a task)");
    }
  }

  WasmReader in_;
  std::uint32_t memory_mib_;
  ModuleFacts facts_;
  int last_section_ = -1;
  std::vector<Signature> types_;
  std::vector<std::uint32_t> all_functions_;  // type of each, imported ones first
  std::vector<std::uint32_t> own_;
  std::uint32_t globals_ = 0;
  std::uint32_t tables_ = 0;
  std::uint32_t table_elements_ = 0;
  std::uint32_t data_segments_ = 0;
  bool data_count_known_ = false;
  bool has_code_ = false;
  bool exports_memory_ = false;
  std::array<bool, known_imports.size()> imported_{};
  std::array<bool, needed_exports.size()> exported_{};
};

}  // namespace

Result<ModuleFacts> validate(std::span<const std::uint8_t> module, std::uint32_t memory_mib) {
  return ModuleCheck(module, memory_mib).run();
}

}  // namespace proxima::builder

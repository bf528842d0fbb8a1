#include "coordinator/builder/translate.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace proxima::builder {
namespace {

constexpr std::string_view prologue = "\n  FUNC_PROLOGUE;\n";
constexpr std::string_view prologue_with_copy =
    "\n  FUNC_PROLOGUE;\n  wasm_rt_memory_t px_local; px_local.data = instance->w2c_memory.data; "
    "px_local.size = PROXIMA_MAX_BYTES;\n";
constexpr std::string_view access = "_default32(&instance->w2c_memory,";
constexpr std::string_view access_by_copy = "_default32(&px_local,";

Failure unknown_text(const std::string& why) {
  return fail("the translator's output is not what this builder knows", why,
              "install the pinned version with scripts/install-wabt");
}

struct Replaced {
  std::string text;
  std::size_t count = 0;
};

Replaced replace_all(std::string_view text, std::string_view from, std::string_view to) {
  Replaced out;
  out.text.reserve(text.size() + text.size() / 8);
  std::size_t at = 0;
  for (std::size_t hit = text.find(from); hit != std::string_view::npos; hit = text.find(from, at)) {
    out.text.append(text.substr(at, hit - at)).append(to);
    at = hit + from.size();
    ++out.count;
  }
  out.text.append(text.substr(at));
  return out;
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

/// Empties every definition of a one-argument macro; its value may not span lines.
Replaced empty_macro(std::string_view text, std::string_view name) {
  const std::string head = "#define " + std::string(name) + "(var)";
  Replaced out;
  std::size_t at = 0;
  for (std::size_t hit = text.find(head); hit != std::string_view::npos; hit = text.find(head, at)) {
    out.text.append(text.substr(at, hit + head.size() - at));
    at = text.find('\n', hit);
    if (at == std::string_view::npos) at = text.size();
    ++out.count;
  }
  out.text.append(text.substr(at));
  return out;
}

}  // namespace

Result<std::string> patched_code(const std::string& code) {
  std::string text = code;
  struct Macro {
    std::string_view name;
    std::size_t definitions;
  };
  for (const Macro& macro : std::array<Macro, 2>{{{"FORCE_READ_INT", 2}, {"FORCE_READ_FLOAT", 3}}}) {
    Replaced emptied = empty_macro(text, macro.name);
    if (emptied.count != macro.definitions)
      return unknown_text(std::string(macro.name) + " is defined " + std::to_string(emptied.count) +
                          " times, expected is " + std::to_string(macro.definitions));
    text = std::move(emptied.text);
  }
  const std::size_t functions = count_of(text, "  FUNC_EPILOGUE;\n");
  Replaced copied = replace_all(text, prologue, prologue_with_copy);
  if (copied.count == 0 || copied.count != functions)
    return unknown_text(std::to_string(copied.count) + " function beginnings and " + std::to_string(functions) +
                        " ends");
  Replaced accessed = replace_all(copied.text, access, access_by_copy);
  if (accessed.count == 0) return unknown_text("no access to the memory was found");
  return std::move(accessed.text);
}

Result<std::string> bind_header(const std::string& header) {
  constexpr std::string_view declaration = "void wasm2c_task_instantiate(w2c_task*";
  const std::size_t begin = header.find(declaration);
  const std::size_t end = header.find(");", begin);
  if (begin == std::string::npos || end == std::string::npos)
    return unknown_text("the declaration of the instantiation is missing");
  std::string out = "#define PX_HOSTS";
  std::string_view rest = std::string_view(header).substr(begin + declaration.size(), end - begin - declaration.size());
  while (!rest.empty()) {
    constexpr std::string_view lead = ", struct ";
    const std::size_t star = rest.find('*');
    if (!rest.starts_with(lead) || star == std::string_view::npos)
      return unknown_text("the declaration of the instantiation has another form");
    out += " , (struct " + std::string(rest.substr(lead.size(), star - lead.size())) + "*)host";
    rest.remove_prefix(star + 1);
  }
  return out + "\n";
}

}  // namespace proxima::builder

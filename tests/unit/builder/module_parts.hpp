// A module put together section by section, so that a test can spoil any of them. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace proxima::tests {

using Bytes = std::vector<std::uint8_t>;

inline Bytes leb(std::uint64_t value) {
  Bytes out;
  do {
    const auto part = static_cast<std::uint8_t>(value & 0x7fU);
    value >>= 7U;
    out.push_back(static_cast<std::uint8_t>(part | (value != 0 ? 0x80U : 0U)));
  } while (value != 0);
  return out;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes text(std::string_view name) { return leb(name.size()) + Bytes(name.begin(), name.end()); }

inline Bytes list(const std::vector<Bytes>& items) {
  Bytes out = leb(items.size());
  for (const Bytes& item : items) out = std::move(out) + item;
  return out;
}

/// A body with its length in front.
inline Bytes body(const Bytes& code) { return leb(code.size()) + code; }

/// The sections of a module that passes: one import, the six functions of the task interface, one memory.
struct Parts {
  std::vector<Bytes> types{{0x60, 0, 0},
                           {0x60, 0, 1, 0x7f},
                           {0x60, 1, 0x7f, 1, 0x7f},
                           {0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f},
                           {0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f},
                           {0x60, 2, 0x7f, 0x7f, 0}};
  std::vector<Bytes> imports{text("proxima:task@1") + text("output") + Bytes{0, 5}};
  std::vector<Bytes> functions{{0}, {1}, {2}, {3}, {4}, {0}};
  Bytes table{1, 0x70, 1, 1, 1};
  Bytes memory{1, 1, 2, 64};
  Bytes globals{1, 0x7f, 1, 0x41, 5, 0x0b};
  std::vector<Bytes> exports{text("memory") + Bytes{2, 0},      text("_initialize") + Bytes{0, 1},
                             text("proxima_abi") + Bytes{0, 2}, text("frame_buffer") + Bytes{0, 3},
                             text("on_open") + Bytes{0, 4},     text("on_frame") + Bytes{0, 5},
                             text("on_close") + Bytes{0, 6}};
  Bytes start;
  Bytes elements;
  Bytes data_count;
  std::vector<Bytes> bodies{{0, 0x0b},       {0, 0x41, 1, 0x0b}, {0, 0x41, 0, 0x0b},
                            {0, 0x41, 0, 0x0b}, {0, 0x41, 0, 0x0b}, {0, 0x0b}};
  Bytes data;
  Bytes header{0, 'a', 's', 'm', 1, 0, 0, 0};
  Bytes after;

  [[nodiscard]] Bytes module() const {
    Bytes out = header;
    const auto section = [&](std::uint8_t id, const Bytes& content) {
      if (!content.empty()) out = std::move(out) + Bytes{id} + leb(content.size()) + content;
    };
    section(1, list(types));
    section(2, list(imports));
    section(3, list(functions));
    section(4, table);
    section(5, memory);
    section(6, globals);
    section(7, list(exports));
    section(8, start);
    section(9, elements);
    section(12, data_count);
    std::vector<Bytes> sized;
    for (const Bytes& code : bodies) sized.push_back(body(code));
    section(10, list(sized));
    section(11, data);
    return std::move(out) + after;
  }
  /// Puts `code` (without its end) into on_frame, before the constant that it returns.
  void in_on_frame(const Bytes& code) { bodies[4] = Bytes{0} + code + Bytes{0x41, 0, 0x0b}; }
};

}  // namespace proxima::tests

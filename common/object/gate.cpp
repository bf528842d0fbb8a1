#include "common/object/gate.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/object/object_abi.h"
#include "common/protocol/limits.hpp"

namespace proxima::object {
namespace {

// ELF's numbers, by the names of the System V ABI (chapters "Object files" and "Dynamic linking").
constexpr std::uint32_t pt_load = 1;
constexpr std::uint32_t pt_dynamic = 2;
constexpr std::uint32_t pt_phdr = 6;
constexpr std::uint32_t pt_gnu_stack = 0x6474e551;
constexpr std::uint32_t pt_gnu_relro = 0x6474e552;
constexpr std::uint32_t pt_arm_exidx = 0x70000001;
constexpr std::uint32_t pt_riscv_attributes = 0x70000003;
constexpr std::uint32_t pf_execute = 1;
constexpr std::uint32_t pf_write = 2;
constexpr std::uint64_t dt_hash = 4;
constexpr std::uint64_t dt_strtab = 5;
constexpr std::uint64_t dt_symtab = 6;
constexpr std::uint64_t dt_rela = 7;
constexpr std::uint64_t dt_relasz = 8;
constexpr std::uint64_t dt_relaent = 9;
constexpr std::uint64_t dt_strsz = 10;
constexpr std::uint64_t dt_syment = 11;
constexpr std::uint64_t dt_rel = 17;
constexpr std::uint64_t dt_relsz = 18;
constexpr std::uint64_t dt_relent = 19;
constexpr std::uint64_t dt_flags = 30;
constexpr std::uint64_t dt_relacount = 0x6ffffff9;
constexpr std::uint64_t dt_relcount = 0x6ffffffa;
constexpr std::uint64_t dt_flags_1 = 0x6ffffffb;
constexpr std::uint64_t df_textrel = 4;
constexpr std::uint64_t df_1_allowed = 1;  // DF_1_NOW

constexpr std::size_t segments_max = 16;
constexpr std::size_t dynamic_entries_max = 64;
constexpr std::uint64_t image_bytes_max = std::uint64_t{limits::object_bytes} * 4;

struct Segment {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t memory_bytes = 0;
};

Failure refuse(const std::string& why) {
  return fail("the native object is refused", why, "build it again with proxima-builder");
}

/// The file with the widths of its class. Every read is checked against the end.
class Image {
 public:
  Image(std::span<const std::uint8_t> bytes, bool wide) : bytes_(bytes), wide_(wide) {}

  [[nodiscard]] bool wide() const { return wide_; }
  [[nodiscard]] bool has(std::uint64_t offset, std::uint64_t length) const {
    return offset <= bytes_.size() && length <= bytes_.size() - offset;
  }
  /// A little-endian number of `width` bytes; the caller has asked has().
  [[nodiscard]] std::uint64_t number(std::uint64_t offset, unsigned width) const {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < width; ++i) value |= static_cast<std::uint64_t>(bytes_[offset + i]) << (8 * i);
    return value;
  }
  [[nodiscard]] std::uint64_t word(std::uint64_t offset) const { return number(offset, wide_ ? 8 : 4); }
  [[nodiscard]] std::uint64_t word_bytes() const { return wide_ ? 8 : 4; }
  [[nodiscard]] std::string_view text(std::uint64_t offset, std::uint64_t length) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, static_cast<std::size_t>(length)};
  }

  std::vector<Segment> loads;

  /// Where `length` bytes at the address lie in the file.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t length) const {
    for (const Segment& load : loads) {
      if (address >= load.address && address - load.address <= load.file_bytes &&
          length <= load.file_bytes - (address - load.address))
        return load.offset + (address - load.address);
    }
    return std::nullopt;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool wide_;
};

Result<Image> read_header(std::span<const std::uint8_t> bytes, Machine machine) {
  if (bytes.size() < 64) return refuse("it is too short to be an ELF file");
  if (std::memcmp(bytes.data(), "\x7f"
                                "ELF",
                  4) != 0)
    return refuse("it is not an ELF file");
  if (bytes.size() > limits::object_bytes) return refuse("it is larger than an object may be");
  const bool wide = machine != Machine::arm;
  if (bytes[4] != (wide ? 2 : 1) || bytes[5] != 1 || bytes[6] != 1)
    return refuse("its class or byte order is not that of this processor");
  Image image(bytes, wide);
  if (image.number(16, 2) != 3) return refuse("it is not a shared object");
  if (image.number(18, 2) != static_cast<std::uint16_t>(machine))
    return refuse("it is made for processor number " + std::to_string(image.number(18, 2)) + ", needed is " +
                  std::to_string(static_cast<std::uint16_t>(machine)));
  return image;
}

Segment read_segment(const Image& image, std::uint64_t at) {
  Segment s;
  s.type = static_cast<std::uint32_t>(image.number(at, 4));
  if (image.wide()) {
    s.flags = static_cast<std::uint32_t>(image.number(at + 4, 4));
    s.offset = image.word(at + 8);
    s.address = image.word(at + 16);
    s.file_bytes = image.word(at + 32);
    s.memory_bytes = image.word(at + 40);
  } else {
    s.offset = image.word(at + 4);
    s.address = image.word(at + 8);
    s.file_bytes = image.word(at + 16);
    s.memory_bytes = image.word(at + 20);
    s.flags = static_cast<std::uint32_t>(image.number(at + 24, 4));
  }
  return s;
}

Result<void> check_load(const Image& image, const Segment& s) {
  if ((s.flags & pf_execute) != 0 && (s.flags & pf_write) != 0)
    return refuse("a segment is writable and executable at once");
  if (!image.has(s.offset, s.file_bytes) || s.file_bytes > s.memory_bytes) return refuse("a segment leaves the file");
  if (s.memory_bytes > image_bytes_max || s.address > image_bytes_max) return refuse("a segment is too large");
  if (!image.loads.empty()) {
    const Segment& before = image.loads.back();
    if (s.address < before.address + before.memory_bytes) return refuse("its segments overlap");
  }
  return {};
}

/// Reads the program headers into image.loads; returns the dynamic segment.
Result<Segment> read_segments(Image& image) {
  const std::uint64_t table = image.word(image.wide() ? 32 : 28);
  const std::uint64_t entry = image.number(image.wide() ? 54 : 42, 2);
  const std::uint64_t count = image.number(image.wide() ? 56 : 44, 2);
  if (entry != (image.wide() ? 56U : 32U) || count == 0 || count > segments_max || !image.has(table, entry * count))
    return refuse("its table of segments is damaged");
  std::optional<Segment> dynamic;
  bool stack = false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Segment s = read_segment(image, table + i * entry);
    switch (s.type) {
      case pt_load:
        PROXIMA_TRY(check_load(image, s));
        image.loads.push_back(s);
        break;
      case pt_dynamic:
        if (dynamic) return refuse("it has two dynamic segments");
        dynamic = s;
        break;
      case pt_gnu_stack:
        if ((s.flags & pf_execute) != 0) return refuse("it asks for an executable stack");
        stack = true;
        break;
      case pt_phdr:
      case pt_gnu_relro:
      case pt_arm_exidx:
      case pt_riscv_attributes:
        break;
      default:
        return refuse("it has a segment of the unexpected type " + std::to_string(s.type));
    }
  }
  if (!dynamic) return refuse("it has no dynamic segment");
  if (!stack) return refuse("it does not say that its stack is not executable");
  return *dynamic;
}

struct Dynamic {
  std::optional<std::uint64_t> hash, strings, string_bytes, symbols, symbol_bytes;
  std::optional<std::uint64_t> relocations, relocation_bytes, relocation_entry;
  bool addends = false;
};

/// Names the entry in words where people meet it.
std::string entry_name(std::uint64_t tag) {
  constexpr std::array<std::pair<std::uint64_t, std::string_view>, 16> names{{
      {1, "needs another library (DT_NEEDED)"},
      {12, "runs code when loaded (DT_INIT)"},
      {13, "runs code when unloaded (DT_FINI)"},
      {15, "names a library path (DT_RPATH)"},
      {16, "wants its symbols first (DT_SYMBOLIC)"},
      {22, "relocates its own code (DT_TEXTREL)"},
      {25, "runs code when loaded (DT_INIT_ARRAY)"},
      {26, "runs code when unloaded (DT_FINI_ARRAY)"},
      {29, "names a library path (DT_RUNPATH)"},
      {32, "runs code when loaded (DT_PREINIT_ARRAY)"},
      {2, "calls through a linkage table (DT_PLTRELSZ)"},
      {3, "calls through a linkage table (DT_PLTGOT)"},
      {23, "calls through a linkage table (DT_JMPREL)"},
      {0x6ffffef5, "has a second symbol hash (DT_GNU_HASH)"},
      {0x7ffffffd, "loads another library (DT_AUXILIARY)"},
      {0x7fffffff, "loads another library (DT_FILTER)"},
  }};
  for (const auto& [number, name] : names) {
    if (number == tag) return "it " + std::string(name);
  }
  return "it has the unexpected dynamic entry " + std::to_string(tag);
}

/// Takes one entry; false: it is none that the builder makes.
bool take(Dynamic& d, std::uint64_t tag, std::uint64_t value) {
  switch (tag) {
    case dt_hash: d.hash = value; return true;
    case dt_strtab: d.strings = value; return true;
    case dt_strsz: d.string_bytes = value; return true;
    case dt_symtab: d.symbols = value; return true;
    case dt_syment: d.symbol_bytes = value; return true;
    case dt_rela: d.relocations = value; d.addends = true; return true;
    case dt_rel: d.relocations = value; d.addends = false; return true;
    case dt_relasz:
    case dt_relsz: d.relocation_bytes = value; return true;
    case dt_relaent:
    case dt_relent: d.relocation_entry = value; return true;
    case dt_relacount:
    case dt_relcount: return true;
    case dt_flags: return (value & df_textrel) == 0;
    case dt_flags_1: return (value & ~df_1_allowed) == 0;
    default: return false;
  }
}

Result<Dynamic> read_dynamic(const Image& image, const Segment& segment) {
  const std::uint64_t entry = image.word_bytes() * 2;
  const auto at = image.offset_of(segment.address, segment.file_bytes);
  if (!at || *at != segment.offset) return refuse("its dynamic segment is not in a loaded one");
  Dynamic dynamic;
  std::vector<std::uint64_t> seen;
  for (std::uint64_t i = 0; (i + 1) * entry <= segment.file_bytes; ++i) {
    const std::uint64_t tag = image.word(*at + i * entry);
    const std::uint64_t value = image.word(*at + i * entry + image.word_bytes());
    if (tag == 0) return dynamic;
    if (std::find(seen.begin(), seen.end(), tag) != seen.end()) return refuse("it repeats a dynamic entry");
    if (seen.size() == dynamic_entries_max) return refuse("it has too many dynamic entries");
    seen.push_back(tag);
    if (!take(dynamic, tag, value)) return refuse(entry_name(tag));
  }
  return refuse("its dynamic entries have no end");
}

/// Exactly two symbols: the empty one and ours. The hash table is checked too, since the loader walks its chains.
Result<void> check_symbols(const Image& image, const Dynamic& d) {
  const std::uint64_t symbol_bytes = image.wide() ? 24 : 16;
  if (!d.hash || !d.symbols || !d.strings || !d.string_bytes || d.symbol_bytes != symbol_bytes)
    return refuse("it lacks a symbol table");
  const auto hash = image.offset_of(*d.hash, 16);
  const auto table = image.offset_of(*d.symbols, symbol_bytes * 2);
  const auto strings = image.offset_of(*d.strings, *d.string_bytes);
  if (!hash || !table || !strings) return refuse("its symbol table leaves the file");
  const std::uint64_t buckets = image.number(*hash, 4);
  const std::uint64_t symbols = image.number(*hash + 4, 4);
  if (symbols != 2) return refuse("it has " + std::to_string(symbols) + " dynamic symbols, expected is the one named " PROXIMA_OBJECT_SYMBOL);
  if (buckets == 0 || buckets > 8 || !image.offset_of(*d.hash, 8 + 4 * (buckets + symbols)))
    return refuse("its symbol hash is damaged");
  for (std::uint64_t i = 0; i < buckets + symbols; ++i) {
    const std::uint64_t index = image.number(*hash + 8 + 4 * i, 4);
    if (index > (i < buckets ? 1U : 0U)) return refuse("its symbol hash is damaged");
  }
  const std::uint64_t symbol = *table + symbol_bytes;
  const std::uint64_t name = image.number(symbol, 4);
  const std::uint64_t info = image.number(symbol + (image.wide() ? 4 : 12), 1);
  const std::uint64_t section = image.number(symbol + (image.wide() ? 6 : 14), 2);
  const std::uint64_t address = image.word(symbol + (image.wide() ? 8 : 4));
  constexpr std::string_view expected{PROXIMA_OBJECT_SYMBOL "\0", sizeof PROXIMA_OBJECT_SYMBOL};
  if (name >= *d.string_bytes || *d.string_bytes - name < expected.size() ||
      image.text(*strings + name, expected.size()) != expected)
    return refuse("its symbol is not named " PROXIMA_OBJECT_SYMBOL);
  if (info != 0x11 || section == 0 || section >= 0xff00) return refuse("its symbol is not a defined global object");
  // The table's words are addresses on each target; 32-bit ones make a smaller table.
  if (!image.offset_of(address, 6 * 4 + 10 * image.word_bytes())) return refuse("its symbol leaves the file");
  return {};
}

std::uint64_t relative_type(Machine machine) {
  switch (machine) {
    case Machine::arm: return 23;
    case Machine::x86_64: return 8;
    case Machine::aarch64: return 1027;
    case Machine::riscv64: return 3;
  }
  return 0;
}

Result<void> check_relocations(const Image& image, const Dynamic& d, Machine machine) {
  const std::uint64_t word = image.word_bytes();
  const std::uint64_t entry = word * (d.addends ? 3 : 2);
  if (!d.relocations || !d.relocation_bytes || d.relocation_entry != entry || *d.relocation_bytes % entry != 0)
    return refuse("its relocations are damaged");
  const auto table = image.offset_of(*d.relocations, *d.relocation_bytes);
  if (!table) return refuse("its relocations leave the file");
  for (std::uint64_t at = *table; at < *table + *d.relocation_bytes; at += entry) {
    const std::uint64_t target = image.word(at);
    if (image.word(at + word) != relative_type(machine))
      return refuse("it asks the loader for more than relative relocations");
    const bool inside = std::any_of(image.loads.begin(), image.loads.end(), [&](const Segment& load) {
      return (load.flags & pf_write) != 0 && target >= load.address && load.memory_bytes >= word &&
             target - load.address <= load.memory_bytes - word;
    });
    if (!inside) return refuse("a relocation lies outside its writable segments");
  }
  return {};
}

}  // namespace

Machine this_machine() {
#if defined(__x86_64__)
  return Machine::x86_64;
#elif defined(__aarch64__)
  return Machine::aarch64;
#elif defined(__arm__)
  return Machine::arm;
#elif defined(__riscv) && __riscv_xlen == 64
  return Machine::riscv64;
#else
  return Machine{};
#endif
}

Result<void> check(std::span<const std::uint8_t> bytes, Machine machine) {
  auto image = read_header(bytes, machine);
  if (!image) return image.failure();
  auto segment = read_segments(*image);
  if (!segment) return segment.failure();
  auto dynamic = read_dynamic(*image, *segment);
  if (!dynamic) return dynamic.failure();
  PROXIMA_TRY(check_symbols(*image, *dynamic));
  return check_relocations(*image, *dynamic, machine);
}

}  // namespace proxima::object

#include "coordinator/builder/code_check.hpp"

#include <string>

#include "coordinator/builder/validator.hpp"

namespace proxima::builder {
namespace {

/// What follows an opcode in the binary format (WebAssembly core specification 2.0, "Instructions").
enum class Immediate { none, block, otherwise, end, label, label_table, function, type_and_table, local, global, memory_access,
                       memory_index, i32, i64, f32, f64, prefix_fc, refused };

Immediate immediate_of(std::uint8_t opcode) {
  if (opcode >= 0x45 && opcode <= 0xc4) return Immediate::none;
  if (opcode >= 0x28 && opcode <= 0x3e) return Immediate::memory_access;
  switch (opcode) {
    case 0x00: case 0x01: case 0x0f: case 0x1a: case 0x1b: return Immediate::none;
    case 0x02: case 0x03: case 0x04: return Immediate::block;
    case 0x05: return Immediate::otherwise;
    case 0x0b: return Immediate::end;
    case 0x0c: case 0x0d: return Immediate::label;
    case 0x0e: return Immediate::label_table;
    case 0x10: return Immediate::function;
    case 0x11: return Immediate::type_and_table;
    case 0x20: case 0x21: case 0x22: return Immediate::local;
    case 0x23: case 0x24: return Immediate::global;
    case 0x3f: case 0x40: return Immediate::memory_index;
    case 0x41: return Immediate::i32;
    case 0x42: return Immediate::i64;
    case 0x43: return Immediate::f32;
    case 0x44: return Immediate::f64;
    case 0xfc: return Immediate::prefix_fc;
    default: return Immediate::refused;
  }
}

std::string refusal_of(std::uint8_t opcode) {
  switch (opcode) {
    case 0x06: case 0x07: case 0x08: case 0x09: case 0x0a: case 0x18: case 0x19: return "exceptions are not supported (compile with -fno-exceptions)";
    case 0x12: case 0x13: case 0x14: case 0x15: return "tail calls are not supported";
    case 0x1c: case 0x25: case 0x26: case 0xd0: case 0xd1: case 0xd2: return "reference types are not supported";
    case 0xfd: return "vector instructions are not supported by the variant 'scalar' (compile without -msimd128)";
    case 0xfe: return "threads are not supported (compile without -pthread)";
    default: return "unknown instruction " + std::to_string(opcode);
  }
}

/// Largest alignment exponent of a load or store: its width.
std::uint32_t natural_alignment(std::uint8_t opcode) {
  constexpr std::uint8_t widths[] = {2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2};
  return widths[opcode - 0x28];
}

class BodyCheck {
 public:
  BodyCheck(WasmReader& reader, const CodeContext& context) : in_(reader), context_(context) {}

  bool run(std::uint32_t parameters) {
    if (!read_locals(parameters)) return false;
    while (depth_ != 0 && !in_.failed()) step();
    if (!in_.failed() && !in_.at_end()) in_.refuse("code after the end of a function");
    return !in_.failed();
  }

 private:
  bool read_locals(std::uint32_t parameters) {
    const std::uint32_t groups = in_.bounded(module_limits::locals, "groups of locals");
    locals_ = parameters;
    for (std::uint32_t i = 0; i < groups && !in_.failed(); ++i) {
      const std::uint32_t count = in_.bounded(module_limits::locals, "locals");
      locals_ += count;
      if (locals_ > module_limits::locals + parameters) return in_.refuse("more than " + std::to_string(module_limits::locals) + " locals");
      if (const std::uint8_t type = in_.byte(); !in_.failed() && !is_number_type(type))
        return in_.refuse(type == 0x7b ? refusal_of(0xfd) : "a local is not a number");
    }
    return !in_.failed();
  }

  void enter_block(std::uint8_t opcode) {
    const std::uint8_t type = in_.byte();
    if (type != 0x40 && !is_number_type(type)) {
      in_.refuse("a block has parameters or several results");
      return;
    }
    if (depth_ == module_limits::nesting) {
      in_.refuse("blocks are nested deeper than " + std::to_string(module_limits::nesting));
      return;
    }
    is_if_[depth_++] = opcode == 0x04;
  }

  void branch_table() {
    const std::uint32_t count = in_.bounded(module_limits::branch_targets, "targets of a branch table");
    targets_ += count;
    if (targets_ > module_limits::branch_targets_all) {
      in_.refuse("branch tables with more than " + std::to_string(module_limits::branch_targets_all) + " targets");
      return;
    }
    for (std::uint32_t i = 0; i <= count && !in_.failed(); ++i) in_.index(depth_, "block");
  }

  void zero_byte(const char* what) {
    if (in_.byte() != 0 && !in_.failed()) in_.refuse(std::string("there is only one ") + what);
  }

  void step_fc() {
    const std::uint32_t operation = in_.u32();
    if (in_.failed() || operation <= 7) return;
    switch (operation) {
      case 8:
        data_index();
        zero_byte("memory");
        return;
      case 9:
        data_index();
        return;
      case 10:
        zero_byte("memory");
        zero_byte("memory");
        return;
      case 11:
        zero_byte("memory");
        return;
      default:
        in_.refuse(operation <= 17 ? refusal_of(0xd0) : "unknown instruction 252 " + std::to_string(operation));
    }
  }

  void data_index() {
    if (!context_.data_count_known) {
      in_.refuse("data is used by number without a count of data segments");
      return;
    }
    in_.index(context_.data_segments, "data segment");
  }

  void memory_access(std::uint8_t opcode) {
    if (const std::uint32_t alignment = in_.u32(); alignment > natural_alignment(opcode))
      in_.refuse("an access has an impossible alignment");
    in_.u32();
  }

  void step() {
    const std::uint8_t opcode = in_.byte();
    if (in_.failed()) return;
    switch (immediate_of(opcode)) {
      case Immediate::none: break;
      case Immediate::block: enter_block(opcode); break;
      case Immediate::otherwise:
        if (depth_ < 2 || !is_if_[depth_ - 1]) in_.refuse("an else without its if");
        else is_if_[depth_ - 1] = false;
        break;
      case Immediate::end: --depth_; break;
      case Immediate::label: in_.index(depth_, "block"); break;
      case Immediate::label_table: branch_table(); break;
      case Immediate::function: in_.index(context_.functions, "function"); break;
      case Immediate::type_and_table:
        in_.index(context_.types, "type");
        if (context_.tables == 0) in_.refuse("an indirect call without a table");
        zero_byte("table");
        break;
      case Immediate::local: in_.index(locals_, "local"); break;
      case Immediate::global: in_.index(context_.globals, "global"); break;
      case Immediate::memory_access: memory_access(opcode); break;
      case Immediate::memory_index: zero_byte("memory"); break;
      case Immediate::i32: in_.skip_signed(32); break;
      case Immediate::i64: in_.skip_signed(64); break;
      case Immediate::f32: in_.skip(4); break;
      case Immediate::f64: in_.skip(8); break;
      case Immediate::prefix_fc: step_fc(); break;
      case Immediate::refused: in_.refuse(refusal_of(opcode)); break;
    }
  }

  WasmReader& in_;
  const CodeContext& context_;
  std::uint32_t locals_ = 0;
  std::uint32_t depth_ = 1;  // the function itself is the outermost block
  std::uint32_t targets_ = 0;
  bool is_if_[module_limits::nesting] = {};
};

}  // namespace

bool is_number_type(std::uint8_t type) { return type >= 0x7c && type <= 0x7f; }

bool check_body(WasmReader& body, std::uint32_t parameters, const CodeContext& context) {
  return BodyCheck(body, context).run(parameters);
}

}  // namespace proxima::builder

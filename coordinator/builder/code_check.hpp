// The instructions of one function body, for the validator alone.
#pragma once

#include <cstdint>

#include "coordinator/builder/wasm_reader.hpp"

namespace proxima::builder {

/// What indices inside a body may refer to.
struct CodeContext {
  std::uint32_t types = 0;
  std::uint32_t functions = 0;  ///< imported ones included
  std::uint32_t globals = 0;
  std::uint32_t tables = 0;
  std::uint32_t data_segments = 0;
  bool data_count_known = false;
};

/// True for i32, i64, f32 and f64.
[[nodiscard]] bool is_number_type(std::uint8_t type);

/// Walks a body (locals and instructions) of a function with `parameters`; false: the reader says what is wrong.
bool check_body(WasmReader& body, std::uint32_t parameters, const CodeContext& context);

}  // namespace proxima::builder

// What happens to the C that wasm2c writes before a compiler sees it. Pure text work; any thread.
#pragma once

#include <string>

#include "common/base/result.hpp"

namespace proxima::builder {

/// Makes the two changes that the speed of tasks rests on (docs/tasks.md, "From wasm to native"): each function works
/// on a local copy of the memory's descriptor, and loads are not forced. Counts the places of each change and fails
/// where the text is not that of the wasm2c it was made for.
Result<std::string> patched_code(const std::string& code);

/// bind.h: one cast of `host` for each module that the task imports, read from the declaration of its instantiation.
Result<std::string> bind_header(const std::string& header);

}  // namespace proxima::builder

// Files and entropy, with errors in words. Blocking; any thread (the loop's only for small files).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "common/base/result.hpp"
#include "common/io/bytes.hpp"

namespace proxima::io {

/// The whole of a regular file; a failure if it is larger than `max_bytes`.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t max_bytes);
/// The same as text; bytes are not looked at.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes);

/// Writes beside `path`, syncs, renames over it and syncs the directory: after a crash the file is the old or the new one.
[[nodiscard]] Result<void> replace_file(const std::string& path, View bytes, mode_t mode = 0600);
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode = 0600);

/// Makes `path` and its missing parents, each 0700. A failure if it exists and is no directory, or is another user's.
[[nodiscard]] Result<void> make_private_directory(const std::string& path);

/// Fills from the kernel's generator; aborts if there is none, since no id or key could be made.
void random_bytes(std::span<std::uint8_t> out);
[[nodiscard]] std::uint64_t random_u64();

}  // namespace proxima::io

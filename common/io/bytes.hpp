// The two ways in which common/io passes bytes. No thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace proxima::io {

/// Borrowed bytes: valid as long as the call or callback that hands them over.
using View = std::span<const std::uint8_t>;

/// Bytes shared with a sending thread: whoever is last frees them; nobody may change them.
using SharedBytes = std::shared_ptr<const std::vector<std::uint8_t>>;

}  // namespace proxima::io

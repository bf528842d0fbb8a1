// SHA-256 by libsodium. Any thread; values only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/io/bytes.hpp"

namespace proxima::io {

[[nodiscard]] Digest sha256(View bytes);

/// Reads the file in pieces: any size, constant memory.
[[nodiscard]] Result<Digest> sha256_file(const std::string& path);

/// For bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(View bytes);
  /// Ends the sum; call once.
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace proxima::io

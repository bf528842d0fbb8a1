// Bytes in order, in blocks: read from a socket at one end, written to another at the other. Loop thread only.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace proxima::netlab {

class ByteQueue {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;

  /// Free space at the end to write into, at least one byte.
  [[nodiscard]] std::span<char> free_space();
  /// The first `size` bytes of free_space() have been filled.
  void filled(std::size_t size);

  /// Points `out` at the first bytes, `limit` of them at most. Returns how many entries are used.
  [[nodiscard]] int first(std::span<iovec> out, std::size_t limit) const;
  /// Drops the first `size` bytes.
  void drop(std::size_t size);
  void clear();

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  using Block = std::array<char, block_bytes>;
  std::deque<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<Block> spare_;  // one is kept, so that a steady stream allocates nothing
  std::size_t begin_ = 0;         // in the first block
  std::size_t end_ = block_bytes; // in the last block
  std::size_t size_ = 0;
};

}  // namespace proxima::netlab

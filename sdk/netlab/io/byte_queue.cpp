#include "sdk/netlab/io/byte_queue.hpp"

#include <algorithm>

#include "common/base/assert.hpp"

namespace proxima::netlab {

std::span<char> ByteQueue::free_space() {
  if (blocks_.empty() || end_ == block_bytes) {
    // Left uninitialised on purpose: it is written before it is read.
    blocks_.push_back(spare_ ? std::move(spare_) : std::unique_ptr<Block>(new Block));
    end_ = 0;
  }
  return std::span<char>(*blocks_.back()).subspan(end_);
}

void ByteQueue::filled(std::size_t size) {
  PROXIMA_ASSERT(!blocks_.empty() && size <= block_bytes - end_);
  end_ += size;
  size_ += size;
}

int ByteQueue::first(std::span<iovec> out, std::size_t limit) const {
  std::size_t left = std::min(limit, size_);
  std::size_t offset = begin_;
  int used = 0;
  for (const auto& block : blocks_) {
    if (left == 0 || used == static_cast<int>(out.size())) break;
    const std::size_t length = std::min(left, block_bytes - offset);
    out[static_cast<std::size_t>(used++)] = {block->data() + offset, length};
    left -= length;
    offset = 0;
  }
  return used;
}

void ByteQueue::drop(std::size_t size) {
  PROXIMA_ASSERT(size <= size_);
  size_ -= size;
  while (size > 0) {
    const std::size_t length = std::min(size, block_bytes - begin_);
    begin_ += length;
    size -= length;
    if (begin_ == block_bytes) {
      spare_ = std::move(blocks_.front());
      blocks_.pop_front();
      begin_ = 0;
    }
  }
  if (blocks_.empty()) end_ = block_bytes;
  if (size_ == 0 && blocks_.size() == 1) begin_ = end_ = 0;
}

void ByteQueue::clear() {
  blocks_.clear();
  begin_ = 0;
  end_ = block_bytes;
  size_ = 0;
}

}  // namespace proxima::netlab

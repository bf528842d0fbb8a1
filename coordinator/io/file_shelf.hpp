// A directory of named files with a bound on their sum: what was used longest ago goes first. Under blob_store and
// object_store, which give it its names and verify contents. Owned by one store; loop thread; blocks on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/io/bytes.hpp"

namespace proxima::coordinator {

struct ShelfOptions {
  std::string directory;
  std::string noun;                ///< "blob": for words
  std::uint64_t total_bytes = 0;   ///< of all files
  std::size_t file_bytes = 0;      ///< of one
};

class FileShelf {
 public:
  using Judge = std::function<bool(std::string_view name)>;

  /// Makes the directory if it is not there, and removes files whose name `is_name` does not know: what a crash left half
  /// written. Files are taken as used in the order in which they were written.
  static Result<FileShelf> open(ShelfOptions options, const Judge& is_name);

  [[nodiscard]] bool has(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  /// Writes atomically and durably, after removing what must go for it; files that `is_pinned` names stay. A failure if
  /// there is no room, or the disk's.
  Result<void> put(const std::string& name, io::View bytes, const Judge& is_pinned);
  /// The content as it is on disk; a failure if there is none.
  Result<std::vector<std::uint8_t>> get(std::string_view name);
  void remove(std::string_view name);

  [[nodiscard]] std::uint64_t total_bytes() const { return total_; }
  [[nodiscard]] std::size_t files() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t bytes = 0;
    std::uint64_t used = 0;  // counts uses of the shelf: the smallest was used longest ago
  };

  explicit FileShelf(ShelfOptions options) : options_(std::move(options)) {}
  [[nodiscard]] std::string path_of(std::string_view name) const;
  Result<void> make_room(std::uint64_t bytes, const Judge& is_pinned);

  ShelfOptions options_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::uint64_t total_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace proxima::coordinator

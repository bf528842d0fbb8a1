// Modules and whatever else clients hand in, by SHA-256: what comes out is what went in, or nothing. Owned by main; loop
// thread; blocks on the disk (a blob has at most limits::module_bytes).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/io/bytes.hpp"
#include "coordinator/io/file_shelf.hpp"

namespace proxima::coordinator {

class BlobStore {
 public:
  using IsPinned = std::function<bool(const Digest& digest)>;

  /// Files are named by their digest in `directory`. `total_bytes` bounds their sum.
  static Result<BlobStore> open(const std::string& directory, std::uint64_t total_bytes = std::uint64_t{1} << 30U);

  enum class Put { created, kept };
  /// A failure if the bytes have another digest, are too many, or find no room.
  Result<Put> put(const Digest& digest, io::View bytes, const IsPinned& is_pinned);
  [[nodiscard]] bool has(const Digest& digest) const { return shelf_.has(to_text(digest)); }
  /// A failure if it is not there, or if the disk changed it: then it is thrown away.
  Result<std::vector<std::uint8_t>> get(const Digest& digest);
  [[nodiscard]] const FileShelf& shelf() const { return shelf_; }

 private:
  explicit BlobStore(FileShelf shelf) : shelf_(std::move(shelf)) {}
  FileShelf shelf_;
};

}  // namespace proxima::coordinator

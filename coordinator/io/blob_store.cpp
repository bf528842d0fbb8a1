#include "coordinator/io/blob_store.hpp"

#include <optional>
#include <string_view>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::coordinator {

Result<BlobStore> BlobStore::open(const std::string& directory, std::uint64_t total_bytes) {
  Result<FileShelf> shelf = FileShelf::open({directory, "blob", total_bytes, limits::module_bytes},
                                            [](std::string_view name) { return digest_from(name).has_value(); });
  if (!shelf) return shelf.failure();
  return BlobStore(*std::move(shelf));
}

Result<BlobStore::Put> BlobStore::put(const Digest& digest, io::View bytes, const IsPinned& is_pinned) {
  const Digest actual = io::sha256(bytes);
  if (actual != digest) {
    return fail("cannot keep the blob", "its SHA-256 is " + to_text(actual) + ", not " + to_text(digest),
                "send exactly the bytes whose digest is in the path");
  }
  const std::string name = to_text(digest);
  // A blob that is there is read, so that a copy that the disk has spoilt is mended now.
  if (shelf_.has(name) && get(digest).has_value()) return Put::kept;
  PROXIMA_TRY(shelf_.put(name, bytes, [&is_pinned](std::string_view other) {
    const std::optional<Digest> parsed = digest_from(other);
    return parsed.has_value() && is_pinned(*parsed);
  }));
  return Put::created;
}

Result<std::vector<std::uint8_t>> BlobStore::get(const Digest& digest) {
  const std::string name = to_text(digest);
  Result<std::vector<std::uint8_t>> bytes = shelf_.get(name);
  if (!bytes) return bytes;
  if (io::sha256(*bytes) != digest) {
    shelf_.remove(name);
    return fail("the blob was damaged on disk and is gone", "its SHA-256 is no longer " + name, "send it again");
  }
  return bytes;
}

}  // namespace proxima::coordinator

// Native objects by the module they were made of, the target they run on and the variant. Each file begins with the
// digest of the rest. Owned by main; loop thread; blocks on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/io/bytes.hpp"
#include "coordinator/io/file_shelf.hpp"

namespace proxima::coordinator {

struct ObjectKey {
  Digest module;
  std::string target;
  std::string variant;
  auto operator<=>(const ObjectKey&) const = default;
};

/// True for a target or a variant: [a-z0-9_-]{1,32}.
[[nodiscard]] bool is_target(std::string_view text);
/// "<module>.<target>.<variant>", and back; nullopt for any other text.
[[nodiscard]] std::string to_text(const ObjectKey& key);
[[nodiscard]] std::optional<ObjectKey> object_key_from(std::string_view text);

struct StoredObject {
  Digest digest;
  std::vector<std::uint8_t> bytes;
};

class ObjectStore {
 public:
  using IsPinned = std::function<bool(const Digest& module)>;

  static Result<ObjectStore> open(const std::string& directory, std::uint64_t total_bytes = std::uint64_t{1} << 30U);

  /// Keeps the object, in place of an older one, and answers with its digest. A failure if it is empty or too large, or
  /// finds no room.
  Result<Digest> put(const ObjectKey& key, io::View bytes, const IsPinned& is_pinned);
  [[nodiscard]] bool has(const ObjectKey& key) const { return shelf_.has(to_text(key)); }
  /// A failure if it is not there, or if the disk changed it: then it is thrown away and can be built again.
  Result<StoredObject> get(const ObjectKey& key);

 private:
  explicit ObjectStore(FileShelf shelf) : shelf_(std::move(shelf)) {}
  FileShelf shelf_;
};

}  // namespace proxima::coordinator

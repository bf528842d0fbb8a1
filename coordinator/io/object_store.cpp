#include "coordinator/io/object_store.hpp"

#include <algorithm>
#include <cstddef>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::coordinator {
namespace {

constexpr std::size_t digest_bytes = sizeof(Digest::bytes);

}  // namespace

bool is_target(std::string_view text) {
  return !text.empty() && text.size() <= limits::name_bytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string to_text(const ObjectKey& key) { return to_text(key.module) + "." + key.target + "." + key.variant; }

std::optional<ObjectKey> object_key_from(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::optional<Digest> module = digest_from(text.substr(0, first));
  const std::string_view target = text.substr(first + 1, second - first - 1);
  const std::string_view variant = text.substr(second + 1);
  if (!module || !is_target(target) || !is_target(variant)) return std::nullopt;
  return ObjectKey{*module, std::string(target), std::string(variant)};
}

Result<ObjectStore> ObjectStore::open(const std::string& directory, std::uint64_t total_bytes) {
  Result<FileShelf> shelf =
      FileShelf::open({directory, "object", total_bytes, digest_bytes + limits::object_bytes},
                      [](std::string_view name) { return object_key_from(name).has_value(); });
  if (!shelf) return shelf.failure();
  return ObjectStore(*std::move(shelf));
}

Result<Digest> ObjectStore::put(const ObjectKey& key, io::View bytes, const IsPinned& is_pinned) {
  if (bytes.empty()) return fail("cannot keep the object", "it is empty");
  if (bytes.size() > limits::object_bytes) {
    return fail("cannot keep the object", std::to_string(bytes.size()) + " bytes are more than the " +
                                              std::to_string(limits::object_bytes) + " allowed");
  }
  const Digest digest = io::sha256(bytes);
  std::vector<std::uint8_t> file(digest.bytes.begin(), digest.bytes.end());
  file.insert(file.end(), bytes.begin(), bytes.end());
  PROXIMA_TRY(shelf_.put(to_text(key), file, [&is_pinned](std::string_view other) {
    const std::optional<ObjectKey> parsed = object_key_from(other);
    return parsed.has_value() && is_pinned(parsed->module);
  }));
  return digest;
}

Result<StoredObject> ObjectStore::get(const ObjectKey& key) {
  const std::string name = to_text(key);
  Result<std::vector<std::uint8_t>> file = shelf_.get(name);
  if (!file) return file.failure();
  StoredObject object;
  if (file->size() > digest_bytes) {
    std::copy_n(file->begin(), digest_bytes, object.digest.bytes.begin());
    object.bytes.assign(file->begin() + digest_bytes, file->end());
    if (io::sha256(object.bytes) == object.digest) return object;
  }
  shelf_.remove(name);
  return fail("the object was damaged on disk and is gone", "its SHA-256 is not the one kept with it");
}

}  // namespace proxima::coordinator

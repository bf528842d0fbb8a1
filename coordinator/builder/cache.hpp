// Finished objects in a folder of the builder's own, by the digest of all that decides their bytes. What is read back is
// checked, what is damaged is forgotten. Owned by the builder's main thread; one process at a time holds the folder.
#pragma once

#include <optional>
#include <string>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "coordinator/builder/builder.hpp"

namespace proxima::builder {

class Cache {
 public:
  /// Takes the folder (made if it is not there) and removes what an earlier life left half done.
  static Result<Cache> open(const std::string& folder);
  Cache(Cache&& other) noexcept;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  Cache& operator=(Cache&&) = delete;
  ~Cache();

  /// The key of one build: module, order and the builder's version.
  [[nodiscard]] static Digest key(const Digest& module, const Order& order, const Digest& version);

  [[nodiscard]] std::optional<Bytes> find(const Digest& key) const;
  /// Keeps the object and drops the oldest above 256.
  Result<void> keep(const Digest& key, std::span<const std::uint8_t> object) const;

 private:
  Cache(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  [[nodiscard]] std::string path(const Digest& key) const;

  std::string folder_;
  int lock_;
};

}  // namespace proxima::builder

// Native objects on disk, by module, target and variant, each beside its SHA-256; the least recently used make room.
// Owned by the fetcher. verify() may run on any thread; everything else is the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"

namespace proxima::agent {

struct ObjectName {
  Digest module;
  std::string target;
  std::string variant;
  [[nodiscard]] std::string file() const { return to_text(module) + "-" + target + "-" + variant + ".so"; }
};

class ObjectCache {
 public:
  /// `directory` exists; what an earlier life left half written is removed.
  ObjectCache(std::string directory, std::uint64_t limit_bytes);

  [[nodiscard]] std::string path(const ObjectName& name) const { return directory_ + "/" + name.file(); }
  [[nodiscard]] bool holds(const ObjectName& name) const;
  /// True if the file at `path` still is what its digest says. Reads it whole.
  [[nodiscard]] static bool verify(const std::string& path);
  /// Marks it as used now.
  void touch(const ObjectName& name) const;
  void remove(const ObjectName& name) const;

  /// A new file to write an object into.
  [[nodiscard]] std::string part_path();
  /// Takes a written part whose bytes have this digest as the object, and makes room.
  [[nodiscard]] Result<void> adopt(const std::string& part, const ObjectName& name, const Digest& digest) const;
  /// Bytes of all objects.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  void make_room(const std::string& spare) const;
  std::string directory_;
  std::uint64_t limit_bytes_;
  std::uint64_t parts_ = 0;
};

}  // namespace proxima::agent

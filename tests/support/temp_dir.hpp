// A directory of a test's own, removed with all that is in it. Owned by the test; any thread.
#pragma once

#include <string>

namespace proxima::tests {

class TempDir {
 public:
  /// Makes a fresh directory under TMPDIR (or /tmp); throws std::runtime_error if it cannot.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  /// path() + "/" + name.
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace proxima::tests

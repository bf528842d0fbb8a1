// Whole files and folders of one's own. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.hpp"

namespace proxima::builder {

/// The file's bytes; fails where it is larger than `limit`.
Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t limit);

/// Writes beside `path` and renames, so that nobody ever sees half a file.
Result<void> write_file(const std::string& path, std::span<const std::uint8_t> bytes);
Result<void> write_file(const std::string& path, const std::string& text);

/// A new empty folder for temporary files, removed with all it holds when this goes.
class ScratchFolder {
 public:
  /// Inside `parent`, or where the system keeps temporary files if it is empty.
  static Result<ScratchFolder> make(const std::string& parent);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace proxima::builder

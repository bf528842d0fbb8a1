// The coordinator's directory on disk: private, used by one process at a time, and the keeper of its term.
// Made by main before anything else and kept until the end; loop thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "common/base/result.hpp"

namespace proxima::coordinator {

class DataDirectory {
 public:
  /// Makes `path` (0700) if it is not there, locks it for as long as this object lives, and counts the term up on disk
  /// before it is used. A failure if another process holds the lock, or if the term cannot be read or written: an older
  /// term would be obeyed by no agent.
  static Result<DataDirectory> open(const std::string& path);
  ~DataDirectory();
  DataDirectory(DataDirectory&& other) noexcept
      : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), term_(other.term_) {}
  DataDirectory& operator=(DataDirectory&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Greater than in every earlier start on this directory.
  [[nodiscard]] std::uint64_t term() const { return term_; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Result<void> count_term();

  std::string path_;
  int lock_;
  std::uint64_t term_ = 0;
};

}  // namespace proxima::coordinator

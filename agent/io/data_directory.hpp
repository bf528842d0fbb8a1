// The agent's own directory: locked against a second agent, with the node's id in it. Made by main before anything else.
#pragma once

#include <string>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"

namespace proxima::agent {

class DataDirectory {
 public:
  /// Makes `path` if need be (0700), takes its lock and reads the node's id, or draws one at the first start.
  static Result<DataDirectory> open(const std::string& path);
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();

  [[nodiscard]] const NodeId& node() const { return node_; }
  [[nodiscard]] std::string cache() const { return path_ + "/cache"; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
  NodeId node_;
};

}  // namespace proxima::agent

// Lines of JSON to a file, each by one write: whoever reads it live, or after a crash, sees whole lines.
// Any thread.
#pragma once

#include <mutex>
#include <string>

#include "sdk/include/proxima/client.hpp"
#include "sdk/src/api_json.hpp"

namespace proxima::cli {

class LineFile {
 public:
  LineFile() = default;
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  /// Empties the file, or opens the pipe. Without a call, write() does nothing.
  Expected<Done> open(const std::string& path);
  void write(const client::Json& line);
  /// False once a line could not be written whole.
  [[nodiscard]] bool good() const;

 private:
  mutable std::mutex mutex_;
  int fd_ = -1;
  bool good_ = true;
};

}  // namespace proxima::cli

#include "sdk/cli/line_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace proxima::cli {

LineFile::~LineFile() {
  if (fd_ >= 0) ::close(fd_);
}

Expected<Done> LineFile::open(const std::string& path) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0)
    return Problem{ProblemKind::usage, "cannot write '" + path + "'", std::strerror(errno), "name a file that can be written"};
  return Done{};
}

void LineFile::write(const client::Json& line) {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0 || !good_) return;
  const std::string text = client::write(line) + '\n';
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(fd_, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      good_ = false;
      return;
    }
    done += static_cast<std::size_t>(wrote);
  }
}

bool LineFile::good() const {
  const std::lock_guard lock(mutex_);
  return good_;
}

}  // namespace proxima::cli

#include "common/io/file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/assert.hpp"

namespace proxima::io {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

Failure failed(const std::string& what, const std::string& path, int error) {
  const char* hint = "";
  if (error == ENOSPC || error == EDQUOT) hint = "make room on the disk";
  if (error == EACCES || error == EPERM) hint = "check the owner and the permissions";
  return fail(what + " '" + path + "'", std::strerror(error), hint);
}

// Fills `out` from the file's start and tells how much there was.
template <class Container>
Result<Container> read_bounded(const std::string& path, std::size_t max_bytes) {
  // Without O_NONBLOCK, opening a fifo would wait for its writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return failed("cannot open", path, errno);
  struct stat info {};
  if (fstat(file.fd(), &info) != 0) return failed("cannot look at", path, errno);
  if (!S_ISREG(info.st_mode)) return fail("cannot read '" + path + "'", "it is not a regular file");
  const auto too_large = [&] {
    return fail("cannot read '" + path + "'", "it is larger than " + std::to_string(max_bytes) + " bytes");
  };
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) return too_large();
  Container out;
  std::size_t filled = 0;
  while (true) {  // the size may change, and files of /proc say 0
    out.resize(filled + 65536);
    const ssize_t got = read(file.fd(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > max_bytes) return too_large();
  }
  out.resize(filled);
  return out;
}

Result<void> write_all(int fd, View bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("cannot write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_synced(const std::string& path, View bytes, mode_t mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.valid()) return failed("cannot create", path, errno);
  PROXIMA_TRY(write_all(file.fd(), bytes, path));
  if (fchmod(file.fd(), mode) != 0 || fsync(file.fd()) != 0) return failed("cannot write", path, errno);
  return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t max_bytes) {
  return read_bounded<std::vector<std::uint8_t>>(path, max_bytes);
}

Result<std::string> read_text_file(const std::string& path, std::size_t max_bytes) {
  return read_bounded<std::string>(path, max_bytes);
}

Result<void> replace_file(const std::string& path, View bytes, mode_t mode) {
  const std::string beside = path + ".new-" + std::to_string(random_u64());
  if (auto written = write_synced(beside, bytes, mode); !written) {
    unlink(beside.c_str());
    return written.failure();
  }
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(beside.c_str());
    return failed("cannot replace", path, error);
  }
  const std::string directory = directory_of(path);
  const Descriptor parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || fsync(parent.fd()) != 0) return failed("cannot sync the directory", directory, errno);
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  return replace_file(path, View(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), mode);
}

Result<void> make_private_directory(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return failed("cannot make the directory", part, errno);
    }
    if (end == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return failed("cannot look at", path, errno);
  if (!S_ISDIR(info.st_mode)) return fail("cannot use '" + path + "'", "it is not a directory");
  if (info.st_uid != geteuid()) return fail("cannot use '" + path + "'", "it belongs to another user");
  return {};
}

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    PROXIMA_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  random_bytes({reinterpret_cast<std::uint8_t*>(&value), sizeof(value)});
  return value;
}

}  // namespace proxima::io

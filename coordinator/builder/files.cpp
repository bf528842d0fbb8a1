#include "coordinator/builder/files.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace proxima::builder {
namespace {

Failure cannot(const std::string& verb, const std::string& path, int number) {
  return fail("cannot " + verb + " " + path, std::strerror(number),
              number == ENOSPC || number == EDQUOT ? "the disk is full: make room and try again" : "");
}

/// Writes all bytes and syncs; 0 or the error's number.
int write_all(int fd, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot("read", path, errno);
  std::vector<std::uint8_t> bytes;
  int number = 0;
  for (;;) {
    const std::size_t used = bytes.size();
    bytes.resize(used + (64U << 10U));
    const ssize_t got = read(fd, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno != EINTR) number = errno;
    bytes.resize(used + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0 || number != 0 || bytes.size() > limit) break;
  }
  close(fd);
  if (number != 0) return cannot("read", path, number);
  if (bytes.size() > limit)
    return fail("cannot read " + path, "it is larger than " + std::to_string(limit) + " bytes");
  return bytes;
}

Result<void> write_file(const std::string& path, std::span<const std::uint8_t> bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return cannot("write", path, errno);
  int number = write_all(fd, bytes);
  if (fchmod(fd, 0644) != 0 && number == 0) number = errno;
  if (close(fd) != 0 && number == 0) number = errno;
  if (number == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) number = errno;
  if (number != 0) {
    unlink(temporary.c_str());
    return cannot("write", path, number);
  }
  return {};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  return write_file(path, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Result<ScratchFolder> ScratchFolder::make(const std::string& parent) {
  std::error_code error;
  const std::filesystem::path folder =
      parent.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::absolute(parent, error);
  std::string path = (folder / "proxima-build-XXXXXX").string();
  if (error || mkdtemp(path.data()) == nullptr) return cannot("make a folder for temporary files,", path, errno);
  return ScratchFolder(std::move(path));
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

}  // namespace proxima::builder

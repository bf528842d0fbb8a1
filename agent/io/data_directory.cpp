#include "agent/io/data_directory.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/io/file.hpp"

namespace proxima::agent {
namespace {

constexpr std::size_t id_file_bytes = 64;

Result<int> take_lock(const std::string& path) {
  const std::string file = path + "/lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail("cannot open '" + file + "'", std::strerror(errno), "check the directory's owner and mode");
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  ::close(fd);
  if (error != EWOULDBLOCK) return fail("cannot lock '" + file + "'", std::strerror(error));
  return fail("cannot use the data directory '" + path + "'", "another agent is using it",
              "give each agent a directory of its own with --data");
}

Result<NodeId> node_id_in(const std::string& path) {
  const std::string file = path + "/node-id";
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
    NodeId drawn;
    io::random_bytes(drawn.bytes);
    PROXIMA_TRY(io::replace_file(file, std::string_view(to_text(drawn) + "\n"), 0600));
    return drawn;
  }
  auto text = io::read_text_file(file, id_file_bytes);
  if (!text) return text.failure();
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  if (const auto id = node_id_from(*text)) return *id;
  return fail("cannot read the node's id in '" + file + "'", "it is not 32 hexadecimal digits",
              "remove the file to join as a new node");
}

}  // namespace

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), node_(other.node_) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  PROXIMA_TRY(io::make_private_directory(path));
  auto lock = take_lock(path);
  if (!lock) return lock.failure();
  DataDirectory directory(path, *lock);
  auto id = node_id_in(path);
  if (!id) return id.failure();
  directory.node_ = *id;
  PROXIMA_TRY(io::make_private_directory(directory.cache()));
  return directory;
}

}  // namespace proxima::agent

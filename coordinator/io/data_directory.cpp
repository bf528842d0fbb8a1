#include "coordinator/io/data_directory.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/file.hpp"

namespace proxima::coordinator {
namespace fs = std::filesystem;
namespace {

// Leaves no room for a term that could not be counted up any more.
constexpr std::uint64_t term_max = std::numeric_limits<std::uint64_t>::max() / 2;

Result<std::uint64_t> read_term(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::uint64_t{0};
    return fail("cannot read the term '" + path + "'", std::strerror(errno));
  }
  Result<std::string> read = io::read_text_file(path, 64);
  if (!read) return read.failure();
  std::string_view text = *read;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::uint64_t term = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), term);
  if (code != std::errc{} || end != text.data() + text.size() || term >= term_max) {
    return fail("cannot read the term '" + path + "'", "it does not hold one number",
                "write a number into it that is higher than any before: agents obey no lower term");
  }
  return term;
}

// What a crash left of an earlier write. Only under the lock.
void clear_leftovers(const std::string& directory) {
  std::error_code ignored;
  for (fs::directory_iterator it(directory, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().filename().string().starts_with("term.")) fs::remove(it->path(), ignored);
  }
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  PROXIMA_TRY(io::make_private_directory(path));
  const std::string lock_path = path + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return fail("cannot open '" + lock_path + "'", std::strerror(errno));
  DataDirectory directory(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail("cannot use the data directory '" + path + "'", "another coordinator is running on it",
                  "stop that one, or give this one a --data directory of its own");
    }
    return fail("cannot lock '" + lock_path + "'", std::strerror(errno));
  }
  clear_leftovers(path);
  PROXIMA_TRY(directory.count_term());
  return directory;
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

Result<void> DataDirectory::count_term() {
  const std::string path = path_ + "/term";
  Result<std::uint64_t> last = read_term(path);
  if (!last) return last.failure();
  term_ = *last + 1;
  return io::replace_file(path, std::to_string(term_) + "\n");
}

}  // namespace proxima::coordinator

#include "agent/io/object_cache.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/digest.hpp"
#include "common/io/file.hpp"

namespace proxima::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view part_prefix = "part-";
constexpr std::string_view digest_suffix = ".sha256";
constexpr std::size_t digest_file_bytes = 128;

struct Entry {
  std::int64_t used_s = 0;
  std::int64_t used_ns = 0;
  std::string path;
  std::uint64_t bytes = 0;
};

std::vector<Entry> objects_in(const std::string& directory) {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string();
    struct stat facts {};
    if (!path.ends_with(".so") || ::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    entries.push_back({facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, path, static_cast<std::uint64_t>(facts.st_size)});
  }
  return entries;
}

void remove_object(const std::string& path) {
  ::unlink((path + std::string(digest_suffix)).c_str());  // first: an object without its digest is never used
  ::unlink(path.c_str());
}

}  // namespace

ObjectCache::ObjectCache(std::string directory, std::uint64_t limit_bytes)
    : directory_(std::move(directory)), limit_bytes_(limit_bytes) {
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(part_prefix)) ::unlink(at->path().c_str());
  }
}

bool ObjectCache::holds(const ObjectName& name) const {
  const std::string file = path(name);
  return ::access(file.c_str(), R_OK) == 0 && ::access((file + std::string(digest_suffix)).c_str(), R_OK) == 0;
}

bool ObjectCache::verify(const std::string& path) {
  auto text = io::read_text_file(path + std::string(digest_suffix), digest_file_bytes);
  if (!text) return false;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  const auto expected = digest_from(*text);
  const auto actual = io::sha256_file(path);
  return expected && actual && *expected == *actual;
}

void ObjectCache::touch(const ObjectName& name) const { ::utimensat(AT_FDCWD, path(name).c_str(), nullptr, 0); }

void ObjectCache::remove(const ObjectName& name) const { remove_object(path(name)); }

std::string ObjectCache::part_path() { return directory_ + "/" + std::string(part_prefix) + std::to_string(++parts_); }

Result<void> ObjectCache::adopt(const std::string& part, const ObjectName& name, const Digest& digest) const {
  const std::string file = path(name);
  remove_object(file);
  if (std::rename(part.c_str(), file.c_str()) != 0)
    return fail("cannot keep the object '" + file + "'", std::strerror(errno), "check the free space of the data directory");
  PROXIMA_TRY(io::replace_file(file + std::string(digest_suffix), std::string_view(to_text(digest) + "\n"), 0600));
  make_room(file);
  return {};
}

std::uint64_t ObjectCache::bytes() const {
  std::uint64_t sum = 0;
  for (const Entry& entry : objects_in(directory_)) sum += entry.bytes;
  return sum;
}

// A running worker has its own sealed copy, so that any file but the newest may go.
void ObjectCache::make_room(const std::string& spare) const {
  std::vector<Entry> entries = objects_in(directory_);
  std::uint64_t sum = 0;
  for (const Entry& entry : entries) sum += entry.bytes;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.used_s, a.used_ns, a.path) < std::tie(b.used_s, b.used_ns, b.path);
  });
  for (const Entry& entry : entries) {
    if (sum <= limit_bytes_) return;
    if (entry.path == spare) continue;
    remove_object(entry.path);
    sum -= entry.bytes;
  }
}

}  // namespace proxima::agent

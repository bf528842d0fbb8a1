#include "coordinator/builder/cache.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "common/protocol/limits.hpp"
#include "coordinator/builder/files.hpp"

namespace proxima::builder {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t objects_max = 256;
constexpr const char* ending = ".pxo";  // an object and the 32 bytes of its digest

void drop_oldest(const std::string& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ending) kept.emplace_back(entry.last_write_time(error), entry.path());
  }
  if (kept.size() <= objects_max) return;
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i < kept.size() - objects_max; ++i) fs::remove(kept[i].second, error);
}

}  // namespace

Result<Cache> Cache::open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("cannot use the cache " + folder, error.message());
  const int lock = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return fail("cannot use the cache " + folder, std::strerror(errno));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return fail("cannot use the cache " + folder, "another builder uses it", "give each builder a --cache of its own");
  }
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name != "lock" && entry.path().extension() != ending) fs::remove_all(entry.path(), error);
  }
  return Cache(folder, lock);
}

Cache::Cache(Cache&& other) noexcept : folder_(std::move(other.folder_)), lock_(std::exchange(other.lock_, -1)) {}

Cache::~Cache() {
  if (lock_ >= 0) close(lock_);
}

Digest Cache::key(const Digest& module, const Order& order, const Digest& version) {
  const std::string all = to_text(module) + '\n' + order.target + '\n' + order.variant + '\n' +
                          std::to_string(order.memory_mib) + '\n' + to_text(version);
  return digest_of(std::span(reinterpret_cast<const std::uint8_t*>(all.data()), all.size()));
}

std::string Cache::path(const Digest& key) const { return folder_ + "/" + to_text(key) + ending; }

std::optional<Bytes> Cache::find(const Digest& key) const {
  auto bytes = read_file(path(key), limits::object_bytes + sizeof(Digest::bytes));
  if (!bytes || bytes->size() <= sizeof(Digest::bytes)) return std::nullopt;
  const std::size_t size = bytes->size() - sizeof(Digest::bytes);
  const Digest digest = digest_of(std::span(*bytes).first(size));
  if (!std::equal(digest.bytes.begin(), digest.bytes.end(), bytes->begin() + static_cast<std::ptrdiff_t>(size))) {
    unlink(path(key).c_str());
    return std::nullopt;
  }
  bytes->resize(size);
  return std::move(*bytes);
}

Result<void> Cache::keep(const Digest& key, std::span<const std::uint8_t> object) const {
  Bytes bytes(object.begin(), object.end());
  const Digest digest = digest_of(object);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  PROXIMA_TRY(write_file(path(key), std::span<const std::uint8_t>(bytes)));
  drop_oldest(folder_);
  return {};
}

}  // namespace proxima::builder

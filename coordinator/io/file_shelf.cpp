#include "coordinator/io/file_shelf.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/io/file.hpp"

namespace proxima::coordinator {
namespace fs = std::filesystem;

Result<FileShelf> FileShelf::open(ShelfOptions options, const Judge& is_name) {
  PROXIMA_TRY(io::make_private_directory(options.directory));
  FileShelf shelf(std::move(options));
  struct Found {
    fs::file_time_type written;
    std::string name;
    std::uint64_t bytes;
  };
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator it(shelf.options_.directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    const fs::file_type type = it->symlink_status(ignored).type();
    if (type == fs::file_type::directory) continue;
    if (type != fs::file_type::regular || !is_name(name)) {
      fs::remove(it->path(), ignored);
      continue;
    }
    found.push_back({it->last_write_time(ignored), name, it->file_size(ignored)});
  }
  if (error) return fail("cannot read the directory '" + shelf.options_.directory + "'", error.message());
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.written != b.written ? a.written < b.written : a.name < b.name;
  });
  for (Found& file : found) {
    shelf.total_ += file.bytes;
    shelf.entries_[std::move(file.name)] = {file.bytes, ++shelf.uses_};
  }
  return shelf;
}

Result<void> FileShelf::put(const std::string& name, io::View bytes, const Judge& is_pinned) {
  if (bytes.size() > options_.file_bytes) {
    return fail("cannot keep the " + options_.noun, std::to_string(bytes.size()) + " bytes are more than the " +
                                                        std::to_string(options_.file_bytes) + " allowed");
  }
  remove(name);
  PROXIMA_TRY(make_room(bytes.size(), is_pinned));
  PROXIMA_TRY(io::replace_file(path_of(name), bytes));
  entries_[name] = {bytes.size(), ++uses_};
  total_ += bytes.size();
  return {};
}

Result<std::vector<std::uint8_t>> FileShelf::get(std::string_view name) {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return fail("there is no such " + options_.noun);
  Result<std::vector<std::uint8_t>> bytes = io::read_file(path_of(name), options_.file_bytes);
  if (!bytes) {
    remove(name);
    return bytes.failure();
  }
  entry->second.used = ++uses_;
  return bytes;
}

void FileShelf::remove(std::string_view name) {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  total_ -= entry->second.bytes;
  std::error_code ignored;  // a file that stays behind is found, and counted again, at the next start
  fs::remove(path_of(name), ignored);
  entries_.erase(entry);
}

std::string FileShelf::path_of(std::string_view name) const { return options_.directory + "/" + std::string(name); }

Result<void> FileShelf::make_room(std::uint64_t bytes, const Judge& is_pinned) {
  while (total_ + bytes > options_.total_bytes) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (oldest != entries_.end() && it->second.used > oldest->second.used) continue;
      if (!is_pinned(it->first)) oldest = it;
    }
    if (oldest == entries_.end()) {
      return fail("cannot keep the " + options_.noun,
                  "the store has " + std::to_string(options_.total_bytes) + " bytes and all of them are in use",
                  "stop tasks that are no longer needed");
    }
    remove(std::string(oldest->first));
  }
  return {};
}

}  // namespace proxima::coordinator

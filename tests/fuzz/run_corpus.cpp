// Where libFuzzer is not linked: runs a target over its corpus and over a fixed number of seeded mutations of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "common/base/prng.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr int mutations_of_each = 2'000;

Bytes mutated(Bytes bytes, proxima::Prng& prng) {
  for (std::uint64_t i = 1 + prng.below(4); i > 0 && !bytes.empty(); --i) {
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(prng.below(bytes.size()));
    switch (prng.below(4)) {
      case 0: bytes.erase(place); break;
      case 1: bytes.insert(place, static_cast<std::uint8_t>(prng.next())); break;
      case 2: bytes.resize(static_cast<std::size_t>(place - bytes.begin())); break;
      default: *place = static_cast<std::uint8_t>(prng.next());
    }
  }
  return bytes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 || !std::filesystem::is_directory(arguments[1])) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", arguments[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  proxima::Prng prng(1);
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const Bytes seed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(seed.data(), seed.size());
    for (int i = 0; i < mutations_of_each; ++i) {
      const Bytes bytes = mutated(seed, prng);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
  }
  std::printf("%zu files and %d mutations of each\n", files.size(), mutations_of_each);
  return files.empty() ? 1 : 0;
}

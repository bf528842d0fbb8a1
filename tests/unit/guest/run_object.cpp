// Runs a native object over a file of frames and prints what run.mjs prints of the module: the other half of comparing
// processors. Compiled for each processor that is compared.
//
//   run_object OBJECT FRAMES FORMAT WIDTH HEIGHT
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agent/worker/guest.hpp"

namespace {

using proxima::worker::FrameInfo;
using proxima::worker::Guest;
using proxima::worker::GuestOutcome;

class NoHost final : public proxima::worker::HostCalls {
 public:
  void log(int, std::string_view) override {}
  std::uint64_t now_ns() override { return 0; }
  std::int32_t call(std::string_view, std::string_view, std::span<const std::uint8_t>, std::span<std::uint8_t>) override {
    return -2;
  }
};

std::vector<std::uint8_t> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Prints the outcome of one call; false: the instance has ended.
bool print(const char* call, const GuestOutcome& outcome) {
  if (outcome.kind == GuestOutcome::Kind::trapped) {
    std::printf("trap %s\n", outcome.reason.c_str());
    return false;
  }
  std::printf("%s %d", call, outcome.code);
  if (call[0] == 'f') std::printf(" ");
  for (const std::uint8_t byte : outcome.output) std::printf("%02x", byte);
  std::printf("\n");
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  const FrameInfo shape{static_cast<std::uint8_t>(std::atoi(arguments[3])), static_cast<std::uint16_t>(std::atoi(arguments[4])),
                        static_cast<std::uint16_t>(std::atoi(arguments[5]))};
  NoHost host;
  auto guest = Guest::load(open(arguments[1], O_RDONLY | O_CLOEXEC), {64}, host);
  if (!guest) {
    std::fprintf(stderr, "%s\n", guest.error().text().c_str());
    return 1;
  }
  if (!print("open", (*guest)->open(shape))) return 0;
  const std::vector<std::uint8_t> frames = read(arguments[2]);
  for (std::size_t at = 0; at + 4 <= frames.size();) {
    const std::size_t length = frames[at] | static_cast<std::size_t>(frames[at + 1]) << 8U |
                               static_cast<std::size_t>(frames[at + 2]) << 16U | static_cast<std::size_t>(frames[at + 3]) << 24U;
    if (length > frames.size() - at - 4) return 2;
    if (!print("frame", (*guest)->frame(shape, std::span(frames).subspan(at + 4, length)))) return 0;
    at += 4 + length;
  }
  return 0;
}

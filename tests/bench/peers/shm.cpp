// Frames through shared memory, with futexes to wake the other side: the floor of one host.
#include <atomic>
#include <climits>
#include <cstring>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/peers/peer.hpp"

namespace {

using namespace proxima::bench;

// Sequence numbers: `asked` is raised by the client once the frame lies there, `answered` by the server.
struct Area {
  alignas(64) std::atomic<std::uint32_t> asked{0};
  alignas(64) std::atomic<std::uint32_t> answered{0};
  alignas(64) Answer answer{};
  alignas(64) std::uint8_t frame[frame_bytes] = {};
};

void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  while (word.load(std::memory_order_acquire) == value)
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, value, nullptr, nullptr, 0);
}

void raise(std::atomic<std::uint32_t>& word) {
  word.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

class Client : public FrameClient {
 public:
  explicit Client(Area& area) : area_(area) {}

  Answer exchange(std::span<const std::uint8_t> frame) override {
    std::memcpy(area_.frame, frame.data(), frame.size());
    const std::uint32_t before = area_.answered.load(std::memory_order_acquire);
    raise(area_.asked);
    wait_while(area_.answered, before);
    return area_.answer;
  }

 private:
  Area& area_;
};

}  // namespace

int main() {
  Area& area = *new (shared_memory(sizeof(Area))) Area;
  const auto serve = [&area](Ledger& ledger, const Announce& announce) {
    announce("memory");
    for (std::uint32_t seen = 0;; ++seen) {
      wait_while(area.asked, seen);
      area.answer = execute(area.frame, ledger);
      raise(area.answered);
    }
  };
  return peer_main({serve, [&area](const std::string&) { return std::make_unique<Client>(area); }});
}

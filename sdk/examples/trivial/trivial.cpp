// The smallest honest task: reads every byte of the frame and answers 64 bytes. The bench uses it to show what the
// path costs around a task.
#include "proxima/guest.hpp"

namespace {

class Trivial {
 public:
  int on_open(const proxima::guest::Shape&) { return 0; }

  /// Answers eight sums over eight interleaved parts of the frame.
  int on_frame(const proxima::guest::Frame& frame) {
    std::uint64_t sums[8] = {};
    std::uint32_t i = 0;
    for (; i + 8 <= frame.size; i += 8) {
      for (std::uint32_t k = 0; k < 8; ++k) sums[k] += frame.data[i + k];
    }
    for (; i < frame.size; ++i) sums[i % 8] += frame.data[i];
    proxima::guest::output(sums, sizeof sums);
    return 0;
  }

  void on_close() {}
};

}  // namespace

PROXIMA_TASK(Trivial)

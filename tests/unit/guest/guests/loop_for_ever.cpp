// Never answers its first frame.
#include "proxima/guest.hpp"

namespace {

volatile unsigned turns = 0;

class LoopForEver {
 public:
  int on_open(const proxima::guest::Shape&) { return 0; }
  int on_frame(const proxima::guest::Frame&) {
    while (true) turns = turns + 1;
  }
  void on_close() {}
};

}  // namespace

PROXIMA_TASK(LoopForEver)

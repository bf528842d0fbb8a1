// Harmless but for its size: linked with a maximum of 4 GiB.
#include "proxima/guest.hpp"

namespace {

class Wants {
 public:
  int on_open(const proxima::guest::Shape&) { return 0; }
  int on_frame(const proxima::guest::Frame&) { return 0; }
  void on_close() {}
};

}  // namespace

PROXIMA_TASK(Wants)

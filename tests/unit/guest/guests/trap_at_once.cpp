// Ends itself before anybody asked it for anything.
#include "proxima/guest.hpp"

namespace {

class TrapAtOnce {
 public:
  TrapAtOnce() { proxima::guest::trap(199); }
  int on_open(const proxima::guest::Shape&) { return 0; }
  int on_frame(const proxima::guest::Frame&) { return 0; }
  void on_close() {}
};

}  // namespace

PROXIMA_TASK(TrapAtOnce)

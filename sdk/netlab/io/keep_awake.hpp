// Keeps the machine's processors from falling asleep while a lab runs. To wake an idle processor up takes microseconds on
// real hardware but milliseconds in a virtual machine, which has to ask its host for it: at every hop of a frame that
// would count as distance, and a relay's timers would be late by it.
#pragma once

#include "sdk/netlab/io/fd.hpp"

namespace proxima::netlab {

/// Asks the kernel for a wake-up latency of zero for as long as it lives (PM QoS: Documentation/power/pm_qos_interface).
/// Idle processors then poll instead of sleeping, and count as idle all the same. Takes the right to write
/// /dev/cpu_dma_latency, which usually only root has.
class KeepAwake {
 public:
  KeepAwake();

  [[nodiscard]] bool granted() const { return request_.is_open(); }

 private:
  Fd request_;  // the request ends when this is closed, however the process ends
};

}  // namespace proxima::netlab

#include "sdk/netlab/io/keep_awake.hpp"

#include <fcntl.h>

#include <cstdint>

namespace proxima::netlab {

KeepAwake::KeepAwake() : request_(::open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC)) {
  const std::int32_t microseconds = 0;
  if (request_.is_open() && ::write(request_.get(), &microseconds, sizeof microseconds) != sizeof microseconds) request_.close();
}

}  // namespace proxima::netlab

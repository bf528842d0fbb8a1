// What this device is: read from the kernel once at start. Blocking for some tens of milliseconds; main's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxima::agent {

struct HostFacts {
  std::string target;        ///< "x86_64-linux-gnu": the objects that this build of the agent runs
  std::string cpu_model;     ///< in the kernel's words
  std::uint32_t cores = 1;
};

[[nodiscard]] HostFacts probe_host();

/// The CPU's name out of the text of /proc/cpuinfo, at most limits::text_bytes of printable ASCII; empty if it has none.
[[nodiscard]] std::string cpu_model_in(std::string_view cpuinfo);

/// Best of five runs of the reference kernel, in microseconds.
[[nodiscard]] std::uint64_t measure_benchmark_us();

/// Resident memory of this process in KiB; 0 if the kernel does not tell.
[[nodiscard]] std::uint64_t own_rss_kib();

}  // namespace proxima::agent

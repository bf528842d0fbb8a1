#include "agent/io/host_probe.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <sys/utsname.h>
#include <unistd.h>

#include "agent/core/benchmark.hpp"
#include "common/base/assert.hpp"
#include "common/io/file.hpp"
#include "common/io/loop.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

constexpr std::size_t proc_file_bytes = 1U << 20U;
constexpr int benchmark_runs = 5;

constexpr const char* build_target() {
#if defined(__x86_64__)
  return "x86_64-linux-gnu";
#elif defined(__aarch64__)
  return "aarch64-linux-gnu";
#elif defined(__arm__)
  return "arm-linux-gnueabihf";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64-linux-gnu";
#elif defined(__mips__) && defined(__MIPSEL__)
  return "mipsel-linux-gnu";
#elif defined(__mips__)
  return "mips-linux-gnu";
#else
#error "name this architecture's target here"
#endif
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string machine() {
  utsname names{};
  return uname(&names) == 0 ? names.machine : "unknown";
}

}  // namespace

std::string cpu_model_in(std::string_view cpuinfo) {
  // x86, MIPS, ARM boards, older ARM kernels.
  constexpr std::array<std::string_view, 4> keys{"model name", "cpu model", "Model", "Hardware"};
  for (const std::string_view key : keys) {
    for (std::size_t at = 0; at < cpuinfo.size();) {
      const std::size_t end = std::min(cpuinfo.find('\n', at), cpuinfo.size());
      const std::string_view line = cpuinfo.substr(at, end - at);
      at = end + 1;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || trimmed(line.substr(0, colon)) != key) continue;
      std::string model(trimmed(line.substr(colon + 1)).substr(0, limits::text_bytes));
      std::replace_if(model.begin(), model.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
      if (!model.empty()) return model;
    }
  }
  return {};
}

HostFacts probe_host() {
  HostFacts facts;
  facts.target = build_target();
  if (const auto text = io::read_text_file("/proc/cpuinfo", proc_file_bytes)) facts.cpu_model = cpu_model_in(*text);
  if (facts.cpu_model.empty()) facts.cpu_model = machine();
  facts.cores = static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return facts;
}

std::uint64_t measure_benchmark_us() {
  std::int64_t best_ns = 0;
  for (int run = 0; run < benchmark_runs; ++run) {
    const Instant before = io::Loop::now();
    PROXIMA_ASSERT(reference_kernel(1) == reference_kernel_of_one);
    const std::int64_t took_ns = (io::Loop::now() - before).ns;
    if (run == 0 || took_ns < best_ns) best_ns = took_ns;
  }
  return static_cast<std::uint64_t>(std::max<std::int64_t>(best_ns / 1000, 1));
}

std::uint64_t own_rss_kib() {
  const auto text = io::read_text_file("/proc/self/status", proc_file_bytes);
  if (!text) return 0;
  const std::size_t at = text->find("VmRSS:");
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + 6, nullptr, 10);
}

}  // namespace proxima::agent

#include "sdk/cli/demo/stolen_time.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace proxima::demo {

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice" (proc(5)); guests' time is in user's already.
ProcessorTicks parse_processor_ticks(std::string_view stat) {
  std::istringstream in{std::string(stat.substr(0, stat.find('\n')))};
  std::string name;
  in >> name;
  ProcessorTicks out;
  if (name != "cpu") return out;
  constexpr int stolen_column = 7;
  std::uint64_t ticks = 0;
  for (int column = 0; column <= stolen_column && in >> ticks; ++column) {
    out.total += ticks;
    if (column == stolen_column) out.stolen = ticks;
  }
  return out;
}

ProcessorTicks processor_ticks() {
  std::ifstream in("/proc/stat");
  std::string line;
  std::getline(in, line);
  return parse_processor_ticks(line);
}

double stolen_percent(const ProcessorTicks& before, const ProcessorTicks& after) {
  if (after.total <= before.total || after.stolen < before.stolen) return 0;
  return static_cast<double>(after.stolen - before.stolen) * 100 / static_cast<double>(after.total - before.total);
}

}  // namespace proxima::demo

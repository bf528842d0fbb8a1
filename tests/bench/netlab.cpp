// `netlab`: whether the lab's distances are what was asked for, measured from outside by proxima-netlab-probe.
#include <cmath>
#include <sstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "tests/bench/benches.hpp"
#include "tests/support/process.hpp"

namespace proxima::bench {
namespace {

using nlohmann::json;

constexpr double rtt_goal_ms = 0.5;
constexpr double rtt_goal_p99_ms = 3;
constexpr double rate_goal = 0.05;
constexpr double rate_goal_most_mbit = 500;

std::string number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

Row row_from(const json& line) {
  const double asked = line.at("asked").get<double>();
  const bool echo = line.at("what") == "echo";
  Row row;
  row.bench = "netlab";
  row.unit = line.at("unit").get<std::string>();
  row.row = (echo ? "rtt_" : line.at("what") == "transfer_up" ? "rate_up_" : "rate_down_") + number(asked);
  row.value = line.at("median").get<double>();
  row.min = line.at("min").get<double>();
  row.max = line.at("max").get<double>();
  row.n = line.at("n").get<long>();
  row.peers["asked"] = asked;
  if (echo) {
    const double p99 = line.at("p99").get<double>();
    row.peers["p99"] = p99;
    row.goal = "median within 0.5 ms, p99 within 3 ms";
    row.met = std::fabs(row.value - asked) <= rtt_goal_ms && std::fabs(p99 - asked) <= rtt_goal_p99_ms;
  } else if (asked <= rate_goal_most_mbit) {
    row.goal = "within 5 %";
    row.met = std::fabs(row.value - asked) <= rate_goal * asked;
  }
  return row;
}

}  // namespace

std::vector<Row> bench_netlab(const Setting& setting) {
  setting.say("echoes and transfers through the lab");
  std::vector<std::string> argv{setting.program("proxima-netlab-probe")};
  if (setting.quick)
    argv.insert(argv.end(), {"--echoes", "200", "--rate", "100", "500", "--repeat", "2"});
  else
    argv.insert(argv.end(), {"--rtt", "20", "1.5", "80", "--echoes", "1000", "--rate", "20", "100", "300", "500", "--repeat", "3"});
  const tests::Finished done = tests::run(argv, std::chrono::minutes(10));
  if (done.status != 0) throw std::runtime_error("proxima-netlab-probe failed: " + done.output);
  std::istringstream lines(done.output);
  std::vector<Row> rows;
  for (std::string line; std::getline(lines, line);) {
    const json one = json::parse(line, nullptr, false);
    if (one.is_object() && one.contains("asked")) rows.push_back(row_from(one));
  }
  if (rows.empty()) throw std::runtime_error("proxima-netlab-probe printed no row");
  return rows;
}

}  // namespace proxima::bench

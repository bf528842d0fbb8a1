// proxima-netlab-probe: serves labs with the proxima-netlab beside it and measures, from outside, what they do. One JSON
// row a line: what was asked, what was seen. It judges nothing; scripts/bench shows the rows.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "sdk/netlab/core/link_shape.hpp"
#include "sdk/netlab/exit_codes.hpp"
#include "sdk/netlab/io/control_client.hpp"
#include "sdk/netlab/probe/measure.hpp"
#include "sdk/netlab/served_lab.hpp"

namespace {

using namespace proxima;
using namespace proxima::netlab;

constexpr double fast_mbit = 1000.0;

struct Options {
  std::vector<double> rtts_ms{20.0};
  std::vector<double> rates_mbit{20.0, 100.0, 300.0, 500.0};
  std::size_t echoes = 1000;
  std::size_t bytes = 10'000'000;
  std::size_t repeat = 3;
  std::string program;
};

double nearest_rank(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print_row(const char* what, const char* unit, double asked, std::vector<double> seen) {
  std::sort(seen.begin(), seen.end());
  const nlohmann::json row{{"what", what},
                           {"unit", unit},
                           {"asked", asked},
                           {"n", seen.size()},
                           {"min", seen.front()},
                           {"median", nearest_rank(seen, 0.5)},
                           {"p99", nearest_rank(seen, 0.99)},
                           {"max", seen.back()}};
  std::printf("%s\n", row.dump().c_str());
  std::fflush(stdout);
}

// A lab of one node with this link, and the backend behind it.
struct Bench {
  ServedLab lab;
  Backend backend;

  [[nodiscard]] Result<Endpoint> frames() const { return parse_endpoint(lab.nodes().front().frames); }
  [[nodiscard]] Result<Endpoint> echo() const { return parse_endpoint(lab.nodes().front().echo); }
};

Result<Bench> open_bench(const Options& options, double rtt_ms, double rate_mbit) {
  const std::string text = "[[node]]\nname = \"node\"\nrtt_ms = " + to_text(rtt_ms) +
                           "\nrate_mbit = " + to_text(rate_mbit) + "\n";
  Result<ServedLab> lab = ServedLab::start(options.program, text);
  if (!lab) return lab.failure();
  Result<Backend> backend = open_backend();
  if (!backend) return backend.failure();
  const SetBackend request{"node", local_endpoint(backend->listener).text(), local_endpoint(backend->echo).text()};
  if (const auto answer = ask(lab->socket(), request); !answer) return answer.failure();
  return Bench{std::move(*lab), std::move(*backend)};
}

Result<void> probe_echoes(const Options& options, double rtt_ms) {
  const Result<Bench> bench = open_bench(options, rtt_ms, fast_mbit);
  if (!bench) return bench.failure();
  const auto relay = bench->echo();
  if (!relay) return relay.failure();
  Result<std::vector<double>> times = measure_echoes(*relay, bench->backend, options.echoes);
  if (!times) return times.failure();
  print_row("echo", "ms", rtt_ms, std::move(*times));
  return {};
}

Result<void> probe_transfers(const Options& options, double rate_mbit) {
  const Result<Bench> bench = open_bench(options, options.rtts_ms.front(), rate_mbit);
  if (!bench) return bench.failure();
  const auto relay = bench->frames();
  if (!relay) return relay.failure();
  for (const Way way : {Way::up, Way::down}) {
    std::vector<double> rates;
    for (std::size_t i = 0; i < options.repeat; ++i) {
      const Result<double> rate = measure_transfer(*relay, bench->backend, options.bytes, way);
      if (!rate) return rate.failure();
      rates.push_back(*rate);
    }
    print_row(way == Way::up ? "transfer_up" : "transfer_down", "Mbit/s", rate_mbit, std::move(rates));
  }
  return {};
}

Result<void> probe(const Options& options) {
  if (options.echoes > 0) {
    for (const double rtt_ms : options.rtts_ms) PROXIMA_TRY(probe_echoes(options, rtt_ms));
  }
  if (options.repeat > 0) {
    for (const double rate_mbit : options.rates_mbit) PROXIMA_TRY(probe_transfers(options, rate_mbit));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::error_code ignored;
  options.program = (std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "proxima-netlab").string();
  CLI::App app{R"(Examples:
  proxima-netlab-probe
  proxima-netlab-probe --rtt 1.5 20 80 --echoes 200 --rate 500 --repeat 5

Measures what proxima-netlab does to echoes and transfers; one JSON row a line: asked, and seen.
)"};
  app.add_option("--rtt", options.rtts_ms, "round trips to ask for, ms; the first is the transfers'")->check(CLI::Range(0.0, 2000.0));
  app.add_option("--rate", options.rates_mbit, "rates to ask for, Mbit/s")->check(CLI::Range(0.1, 10000.0));
  app.add_option("--echoes", options.echoes, "datagrams a round trip; 0: none");
  app.add_option("--bytes", options.bytes, "size of a transfer")->check(CLI::Range(1'000'000, 1'000'000'000));
  app.add_option("--repeat", options.repeat, "transfers each way and rate; 0: none");
  app.add_option("--program", options.program, "the proxima-netlab to measure");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (const auto done = probe(options); !done) {
    std::fprintf(stderr, "proxima-netlab-probe: %s\n", done.error().text().c_str());
    return exit_failed;
  }
  return exit_ok;
}

// proxima-coordinator: reads the command line, opens the data directory, and wires loop, stores, core, broker and API.
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "common/base/ids.hpp"
#include "common/io/address.hpp"
#include "common/io/file.hpp"
#include "common/io/http_server.hpp"
#include "common/io/log.hpp"
#include "common/io/loop.hpp"
#include "coordinator/io/api_routes.hpp"
#include "coordinator/io/blob_store.hpp"
#include "coordinator/io/coordinator_driver.hpp"
#include "coordinator/io/data_directory.hpp"
#include "coordinator/io/object_store.hpp"

namespace proxima::coordinator {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

struct Arguments {
  bool insecure_loopback = false;
  std::string region;
  std::string data;
  std::string broker;
  std::string listen = "127.0.0.1:0";
  std::optional<std::uint64_t> seed;
  std::string log_level = "info";
  bool log_json = false;
};

void add_options(CLI::App& app, Arguments& arguments) {
  app.description(
      "Examples:\n"
      "  proxima-coordinator --insecure-loopback --region home --data ~/.proxima/home --broker 127.0.0.1:1883\n"
      "  proxima-coordinator --insecure-loopback --region home --data DIR --broker 127.0.0.1:1883 --listen 127.0.0.1:8080\n"
      "\n"
      "Decides for one region: which nodes there are, where tasks run. Serves the HTTP API (docs/api.md).\n");
  app.set_version_flag("--version", "proxima-coordinator " PROXIMA_VERSION);
  app.add_flag("--insecure-loopback", arguments.insecure_loopback, "without keys, bound to 127.0.0.1 only (needed for now)");
  app.add_option("--region", arguments.region, "the region's name")->required();
  app.add_option("--data", arguments.data, "directory for modules, objects and the term; used by one coordinator")->required();
  app.add_option("--broker", arguments.broker, "the MQTT broker, 127.0.0.1:PORT")->required();
  app.add_option("--listen", arguments.listen, "where to serve the API")->capture_default_str();
  app.add_option("--seed", arguments.seed, "of everything random, for a replay");
  app.add_option("--log-level", arguments.log_level, "debug, info, warning or error")->capture_default_str();
  app.add_flag("--log-json", arguments.log_json, "log lines as JSON");
}

int complain(int status, const Error& error) {
  std::fprintf(stderr, "proxima-coordinator: %s\n", error.text().c_str());
  return status;
}

Result<io::Address> loopback_address(const char* option, const std::string& text) {
  Result<io::Address> address = io::Address::parse(text);
  if (!address) return fail(std::string("cannot use ") + option + " '" + text + "'", address.error().why, "write 127.0.0.1:PORT");
  if (!address->is_loopback()) {
    return fail(std::string("cannot use ") + option + " '" + text + "'", "--insecure-loopback allows 127.0.0.1 only",
                "write 127.0.0.1:PORT");
  }
  return address;
}

Result<void> check(const Arguments& arguments) {
  if (!arguments.insecure_loopback) {
    return fail("cannot start", "a coordinator with keys does not exist yet",
                "add --insecure-loopback to try it on this machine only");
  }
  if (!is_name(arguments.region)) {
    return fail("cannot use --region '" + arguments.region + "'", "a name is 1 to 32 of a-z, 0-9 and '-'");
  }
  if (!io::log_level_from(arguments.log_level)) {
    return fail("cannot use --log-level '" + arguments.log_level + "'", "it is none of debug, info, warning, error");
  }
  if (const auto broker = loopback_address("--broker", arguments.broker); !broker) return broker.failure();
  if (const auto listen = loopback_address("--listen", arguments.listen); !listen) return listen.failure();
  return {};
}

// Everything that lives as long as the coordinator serves, in the order in which it is made.
int serve(const Arguments& arguments, const io::Log& log) {
  Result<DataDirectory> data = DataDirectory::open(arguments.data);
  if (!data) return complain(exit_failed, data.error());
  Result<BlobStore> blobs = BlobStore::open(data->path() + "/blobs");
  if (!blobs) return complain(exit_failed, blobs.error());
  Result<ObjectStore> objects = ObjectStore::open(data->path() + "/objects");
  if (!objects) return complain(exit_failed, objects.error());

  io::Loop loop;
  DriverOptions options{arguments.region, arguments.broker, {}, {}};
  options.request_time = DriverOptions{}.request_time;
  options.core.term = data->term();
  options.core.seed = arguments.seed.value_or(io::random_u64());
  CoordinatorDriver driver(loop, log, options, *blobs, *objects);
  Result<std::unique_ptr<io::HttpServer>> server =
      io::HttpServer::listen(loop, *io::Address::parse(arguments.listen));
  if (!server) return complain(exit_failed, server.error());
  ApiRoutes routes(**server, driver);
  if (const Result<void> started = driver.start(); !started) return complain(exit_failed, started.error());

  bool leaving = false;
  io::Signals signals(loop, {SIGTERM, SIGINT}, [&](int) {
    if (leaving) return;
    leaving = true;
    server->reset();
    driver.close([&loop] { loop.stop(); });
  });
  log.info("start", "region " + arguments.region + ", term " + std::to_string(data->term()) + ", seed " +
                        std::to_string(options.core.seed));
  std::printf("{\"schema\":\"proxima/v1/coordinator\",\"ready\":true,\"api\":\"http://%s\",\"pid\":%d}\n",
              (*server)->local().text().c_str(), static_cast<int>(::getpid()));
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace
}  // namespace proxima::coordinator

int main(int argc, char** argv) {
  using namespace proxima;
  std::signal(SIGPIPE, SIG_IGN);  // a client that goes away is an error of its connection, not the end of the region
  coordinator::Arguments arguments;
  CLI::App app;
  coordinator::add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : coordinator::exit_usage;
  }
  if (const Result<void> checked = coordinator::check(arguments); !checked) {
    return coordinator::complain(coordinator::exit_usage, checked.error());
  }
  const io::Log log({*io::log_level_from(arguments.log_level), arguments.log_json, 2});
  return coordinator::serve(arguments, log);
}

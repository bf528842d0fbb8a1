// proxima-builder: compiles tasks' modules to native objects, once by hand or as the region's service.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sodium.h>
#include <string>
#include <system_error>

#include "common/protocol/limits.hpp"
#include "coordinator/builder/builder.hpp"
#include "coordinator/builder/files.hpp"
#include "coordinator/builder/serve.hpp"

namespace {

using proxima::Error;
namespace builder = proxima::builder;
namespace fs = std::filesystem;

/// The first of the places that exists, relative to this program's folder; the last one if none does.
std::string beside_program(std::initializer_list<const char*> places) {
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  fs::path last;
  for (const char* place : places) {
    last = (here / place).lexically_normal();
    if (fs::exists(last, error)) break;
  }
  return last.string();
}

int report(const Error& error, bool json, int status) {
  if (json)
    std::cout << nlohmann::json{{"error", {{"what", error.what}, {"why", error.why}, {"hint", error.hint}}}}.dump()
              << '\n';
  else
    std::cerr << "proxima-builder: " << error.text() << '\n';
  return status;
}

int build(const builder::Tools& tools, const std::string& input, const std::string& output,
          const builder::Order& order, bool json) {
  const auto module = builder::read_file(input, proxima::limits::module_bytes);
  if (!module) return report(module.error(), json, 2);
  const auto made = builder::Builder::open(tools);
  if (!made) return report(made.error(), json, 1);
  const auto object = made->build(*module, order);
  if (!object) return report(object.error(), json, 1);
  const auto written = builder::write_file(output, std::span<const std::uint8_t>(*object));
  if (!written) return report(written.error(), json, 1);
  if (json)
    std::cout << nlohmann::json{{"module", proxima::to_text(builder::digest_of(*module))},
                                {"object", proxima::to_text(builder::digest_of(*object))},
                                {"bytes", object->size()},
                                {"target", order.target},
                                {"variant", order.variant}}
                     .dump()
              << '\n';
  else
    std::cout << output << ": " << object->size() << " bytes for " << order.target << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0) return report(Error{"cannot start", "libsodium does not work here", ""}, false, 1);
  CLI::App app{"Compiles a task's portable module (.wasm) to a native object for one kind of device.\n\n"
               "  proxima-builder build motion.wasm -o motion.so\n"
               "  proxima-builder build motion.wasm -o motion.so --target aarch64-linux-gnu\n"
               "  proxima-builder serve --api http://127.0.0.1:8080\n"};
  app.require_subcommand(1);
  builder::Tools tools;
  tools.wasm2c = beside_program({"../lib/proxima/wasm2c", "../../wabt/node_modules/wabt/bin/wasm2c"});
  tools.runtime = beside_program({"../lib/proxima/rt"});
  builder::Order order;
  builder::ServeOptions serve;
  std::string input;
  std::string output;
  bool json = false;
  app.add_option("--wasm2c", tools.wasm2c, "the translator of npm's wabt 1.0.39 (scripts/install-wabt)");
  app.add_option("--rt", tools.runtime, "folder of the runtime that is compiled into each object");
  app.add_option("--node", tools.node, "node, which runs the translator");
  auto* once = app.add_subcommand("build", "compile one module");
  once->fallthrough();
  once->add_option("FILE", input, "the module")->required();
  once->add_option("-o,--output", output, "where the object goes")->required();
  once->add_option("--target", order.target, "target triple")->capture_default_str();
  once->add_option("--variant", order.variant, "variant")->capture_default_str();
  once->add_option("--memory-mib", order.memory_mib, "what the manifest allows")
      ->check(CLI::Range(1U, proxima::limits::memory_mib_max))
      ->capture_default_str();
  once->add_flag("--json", json, "print one JSON object");
  auto* service = app.add_subcommand("serve", "take build jobs from a coordinator");
  service->fallthrough();
  service->add_option("--api", serve.api, "the coordinator's HTTP API: http://HOST:PORT")->required();
  service->add_option("--cache", serve.cache, "folder where finished objects are kept");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (once->parsed()) return build(tools, input, output, order, json);
  tools.scratch = serve.cache;  // which the next start clears of what a killed builder left
  const auto made = builder::Builder::open(tools);
  if (!made) return report(made.error(), false, 1);
  const auto served = builder::serve(*made, serve);
  return served ? 0 : report(served.error(), false, 1);
}

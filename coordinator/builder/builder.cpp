#include "coordinator/builder/builder.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <sodium.h>
#include <string_view>
#include <sys/statvfs.h>
#include <system_error>

#include "common/protocol/limits.hpp"
#include "coordinator/builder/files.hpp"
#include "coordinator/builder/translate.hpp"
#include "coordinator/builder/validator.hpp"

namespace proxima::builder {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view wasm2c_sha256 = "c58625569940e8d76d3b4d921865f98b147fbb980933744b81e33fb47b214598";
constexpr std::size_t tool_bytes_max = std::size_t{128} << 20U;
constexpr std::size_t code_bytes_max = std::size_t{128} << 20U;
constexpr std::uint64_t disk_bytes_spare = 64U << 10U;

/// Files of the runtime folder, all of which go into every build.
constexpr std::array<std::string_view, 7> runtime_files{
    "object.c",         "wasm-rt.h",        "object_abi.h",    "include/string.h",
    "include/math.h",   "include/assert.h", "include/alloca.h"};

}  // namespace

/// What one target triple means to compiler and runtime.
struct Target {
  std::string_view triple;
  object::Machine machine;
  bool guard_pages;  ///< 64-bit addresses: reserve all that an access can reach, and check nothing
  std::vector<std::string> flags;
};

namespace {

const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"x86_64-linux-gnu", object::Machine::x86_64, true, {"-march=x86-64", "-fstack-clash-protection"}},
      {"aarch64-linux-gnu", object::Machine::aarch64, true, {"-march=armv8-a", "-mno-outline-atomics"}},
      {"riscv64-linux-gnu", object::Machine::riscv64, true, {"-march=rv64gc", "-mabi=lp64d", "-mno-relax"}},
      {"arm-linux-gnueabihf", object::Machine::arm, false, {"-march=armv7-a", "-mfpu=vfpv3-d16"}},
  };
  return all;
}

const Target* target_named(std::string_view triple) {
  const auto found = std::find_if(targets().begin(), targets().end(), [&](const Target& t) { return t.triple == triple; });
  return found == targets().end() ? nullptr : &*found;
}

/// The flags that make code: part of the version, since they decide the bytes.
const std::vector<std::string>& compiler_flags() {
  static const std::vector<std::string> flags{
      "-std=c11",         "-O2",           "-ffp-contract=off",    "-fno-strict-aliasing",
      "-fno-math-errno",  "-fPIC",         "-fvisibility=hidden",  "-ffunction-sections",
      "-fdata-sections",  "-fno-ident",    "-nostdlibinc",         "-fno-asynchronous-unwind-tables",
      "-fno-stack-protector", "-w",        "-DNDEBUG",             "-Iinclude", "-I."};
  return flags;
}

const std::vector<std::string>& linker_flags() {
  static const std::vector<std::string> flags{"-shared",        "--gc-sections", "-z",  "now",
                                              "-z",             "noexecstack",   "-z",  "relro",
                                              "--hash-style=sysv", "--build-id=none", "-s"};
  return flags;
}

Failure missing(const std::string& what, const Error& error) {
  return fail("the builder cannot start", what + ": " + error.text(),
              "run scripts/install-packages and scripts/install-wabt");
}

std::string real_folder(const std::string& file) {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  return error ? std::string{} : real.parent_path().string();
}

void add(crypto_hash_sha256_state& state, std::span<const std::uint8_t> bytes) {
  const std::uint64_t size = bytes.size();
  crypto_hash_sha256_update(&state, reinterpret_cast<const std::uint8_t*>(&size), sizeof size);
  crypto_hash_sha256_update(&state, bytes.data(), bytes.size());
}

Result<void> write_parts(const std::string& runtime, const std::string& folder) {
  std::error_code error;
  fs::create_directory(folder + "/include", error);
  for (const std::string_view name : runtime_files) {
    const auto bytes = read_file(runtime + "/" + std::string(name), tool_bytes_max);
    if (!bytes) return bytes.failure();
    PROXIMA_TRY(write_file(folder + "/" + std::string(name), std::span<const std::uint8_t>(*bytes)));
  }
  return {};
}

/// The failure of a step, or the true reason where the disk is full: the translator does not notice that itself.
Failure explained(const Failure& failure, const std::string& folder) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0 || std::uint64_t{disk.f_bavail} * disk.f_frsize >= disk_bytes_spare)
    return failure;
  return fail("the build failed", "the disk is full: " + fs::path(folder).parent_path().string(),
              "make room there, or set TMPDIR to another folder, and try again");
}

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Digest digest_of(std::span<const std::uint8_t> bytes) {
  Digest digest;
  crypto_hash_sha256(digest.bytes.data(), bytes.data(), bytes.size());
  return digest;
}

Result<Builder> Builder::open(Tools tools) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  const auto wasm2c = read_file(tools.wasm2c, tool_bytes_max);
  if (!wasm2c) return missing("the translator", wasm2c.error());
  if (to_text(digest_of(*wasm2c)) != wasm2c_sha256)
    return fail("the builder cannot start", tools.wasm2c + " is not the wasm2c of wabt 1.0.39",
                "run scripts/install-wabt");
  add(state, *wasm2c);
  for (const std::string_view name : runtime_files) {
    const auto part = read_file(tools.runtime + "/" + std::string(name), tool_bytes_max);
    if (!part) return missing("its own runtime", part.error());
    add(state, *part);
  }
  for (const std::string& program : {tools.clang, tools.linker}) {
    const auto bytes = read_file(program, tool_bytes_max);
    if (!bytes) return missing("the compiler", bytes.error());
    add(state, *bytes);
  }
  std::error_code error;
  if (!fs::exists(tools.node, error)) return missing("node", Error{"cannot find " + tools.node, "", ""});
  std::string flags;
  for (const std::string& flag : compiler_flags()) flags += flag + ' ';
  for (const std::string& flag : linker_flags()) flags += flag + ' ';
  for (const Target& target : targets())
    for (const std::string& flag : target.flags) flags += flag + ' ';
  add(state, std::span(reinterpret_cast<const std::uint8_t*>(flags.data()), flags.size()));
  Digest version;
  crypto_hash_sha256_final(&state, version.bytes.data());
  std::vector<std::string> readable{real_folder(tools.wasm2c)};
  const std::string node_folder = real_folder(tools.node);
  if (!node_folder.starts_with("/usr/")) readable.push_back(node_folder);
  Jail jail = Jail::probe(std::move(readable));
  return Builder(std::move(tools), std::move(jail), version);
}

Result<void> Builder::prepare(const std::string& folder, std::span<const std::uint8_t> module) const {
  PROXIMA_TRY(write_parts(tools_.runtime, folder));
  return write_file(folder + "/task.wasm", module);
}

Result<void> Builder::translate(const std::string& folder) const {
  std::error_code error;
  const std::string script = fs::canonical(tools_.wasm2c, error).string();
  JailLimits limits;
  limits.wall_s = 120;
  limits.cpu_s = 30;
  PROXIMA_TRY(jail_.run({tools_.node, script, "task.wasm", "-n", "task", "--no-debug-names", "-o", "task.c"}, folder,
                        limits));
  const auto code = read_file(folder + "/task.c", code_bytes_max);
  if (!code) return code.failure();
  const auto header = read_file(folder + "/task.h", code_bytes_max);
  if (!header) return header.failure();
  const auto patched = patched_code(text_of(*code));
  if (!patched) return patched.failure();
  const auto bind = bind_header(text_of(*header));
  if (!bind) return bind.failure();
  PROXIMA_TRY(write_file(folder + "/task.c", *patched));
  return write_file(folder + "/bind.h", *bind);
}

Result<Bytes> Builder::make(const std::string& folder, std::span<const std::uint8_t> module, const Target& target,
                            std::uint32_t memory_max_pages) const {
  PROXIMA_TRY(prepare(folder, module));
  PROXIMA_TRY(translate(folder));
  std::vector<std::string> compile{tools_.clang, "--target=" + std::string(target.triple)};
  compile.insert(compile.end(), compiler_flags().begin(), compiler_flags().end());
  compile.insert(compile.end(), target.flags.begin(), target.flags.end());
  compile.push_back(std::string("-DPROXIMA_MEMORY_MODE=") + (target.guard_pages ? "0" : "1"));
  compile.push_back("-DPROXIMA_MAX_BYTES=" + std::to_string(memory_max_pages * 65536ULL) + "ull");
  compile.insert(compile.end(), {"-c", "object.c", "-o", "object.o"});
  PROXIMA_TRY(jail_.run(compile, folder, {}));
  std::vector<std::string> link{tools_.linker};
  link.insert(link.end(), linker_flags().begin(), linker_flags().end());
  link.insert(link.end(), {"-o", "object.so", "object.o"});
  PROXIMA_TRY(jail_.run(link, folder, {}));
  return read_file(folder + "/object.so", limits::object_bytes);
}

Result<Bytes> Builder::build(std::span<const std::uint8_t> module, const Order& order) const {
  const Target* target = target_named(order.target);
  if (target == nullptr)
    return fail("cannot build for '" + order.target + "'", "it is not a known target",
                "known are x86_64-linux-gnu, aarch64-linux-gnu, riscv64-linux-gnu and arm-linux-gnueabihf");
  if (order.variant != "scalar")
    return fail("cannot build the variant '" + order.variant + "'", "it is not known", "the only one is 'scalar'");
  const auto checked = validate(module, order.memory_mib);
  if (!checked) return checked.failure();
  auto folder = ScratchFolder::make(tools_.scratch);
  if (!folder) return folder.failure();
  auto made = make(folder->path(), module, *target, checked->memory_max_pages);
  if (!made) return explained(made.failure(), folder->path());
  PROXIMA_TRY(object::check(*made, target->machine));
  return made;
}

}  // namespace proxima::builder

// From a portable module to a native object: validate, translate with wasm2c, patch, compile, gate. The same module,
// target and variant give the same bytes. Owned by the builder's main thread; a build takes seconds and blocks it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/object/gate.hpp"
#include "coordinator/builder/jail.hpp"

namespace proxima::builder {

using Bytes = std::vector<std::uint8_t>;

/// Where the tools are.
struct Tools {
  std::string wasm2c;    ///< bin/wasm2c of npm's wabt 1.0.39
  std::string runtime;   ///< the folder with wasm-rt.h, object.c and object_abi.h
  std::string node = "/usr/bin/node";
  std::string clang = "/usr/bin/clang-14";
  std::string linker = "/usr/bin/ld.lld-14";
  std::string scratch = {};  ///< where builds happen; empty: where the system keeps temporary files
};

struct Order {
  std::string target = "x86_64-linux-gnu";
  std::string variant = "scalar";
  std::uint32_t memory_mib = 16;  ///< the manifest's; a module that may grow further is refused
};

struct Target;

/// SHA-256.
[[nodiscard]] Digest digest_of(std::span<const std::uint8_t> bytes);

class Builder {
 public:
  /// Finds and fingerprints the tools; fails where one is missing or wasm2c is not the pinned one.
  static Result<Builder> open(Tools tools);

  /// The native object for a module.
  [[nodiscard]] Result<Bytes> build(std::span<const std::uint8_t> module, const Order& order) const;

  /// Changes whenever the same module could give other bytes: a digest over the tools and the flags.
  [[nodiscard]] const Digest& version() const { return version_; }
  [[nodiscard]] JailLevel jail_level() const { return jail_.level(); }

 private:
  Builder(Tools tools, Jail jail, Digest version)
      : tools_(std::move(tools)), jail_(std::move(jail)), version_(version) {}
  Result<void> prepare(const std::string& folder, std::span<const std::uint8_t> module) const;
  Result<void> translate(const std::string& folder) const;
  Result<Bytes> make(const std::string& folder, std::span<const std::uint8_t> module, const Target& target,
                     std::uint32_t memory_max_pages) const;

  Tools tools_;
  Jail jail_;
  Digest version_;
};

}  // namespace proxima::builder

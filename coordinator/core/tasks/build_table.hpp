// Which native objects exist, are being made, or cannot be made. Owned by the coordinator's core.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/fingerprint.hpp"
#include "common/base/ids.hpp"

namespace proxima::coordinator {

struct BuildKey {
  Digest module;
  std::string target;
  std::string variant;
  auto operator<=>(const BuildKey&) const = default;
};

class BuildTable {
 public:
  /// True when this object is to be asked for: it is neither made nor being made.
  bool request(const BuildKey& key);
  /// Lets a failed build be tried again: somebody asks for the module anew.
  void retry_failed(const Digest& module);
  /// Answers of the builder; those to nobody's question change nothing.
  void built(const BuildKey& key, const Digest& object);
  void failed(const BuildKey& key, const std::string& reason);
  /// Keeps only the objects of these modules.
  void keep_only(const std::set<Digest>& modules);

  /// The builder's words where it failed.
  [[nodiscard]] std::optional<std::string> error(const BuildKey& key) const;
  void fingerprint(Fingerprint& print) const;

 private:
  struct Build {
    std::optional<Digest> object;
    std::optional<std::string> error;
  };
  std::map<BuildKey, Build> builds_;
};

}  // namespace proxima::coordinator

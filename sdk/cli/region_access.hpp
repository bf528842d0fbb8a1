// Which coordinator a verb talks to: --api, $PROXIMA_API, or the region that `proxima up` started on this machine.
#pragma once

#include <string>

#include "sdk/include/proxima/client.hpp"

namespace CLI {
class App;
}

namespace proxima::cli {

struct RegionAccess {
  std::string api;
  std::string directory;
  bool json = false;

  /// Adds --api, --dir and --json; this must live as long as the verb.
  void add_to(CLI::App& verb);
  /// The API's address.
  [[nodiscard]] Expected<std::string> find() const;
};

}  // namespace proxima::cli

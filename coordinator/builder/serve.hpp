// The builder as a region's service: asks the coordinator for jobs over its HTTP API, one after the other, for ever.
//
//   GET  /v1/builds/next?wait_s=10   204: nothing to do; 200: {"schema":"proxima/v1/build-job","build":"<hex>",
//                                    "module":"<sha256>","target":"…","variant":"scalar","memory_mib":16}
//   GET  /v1/blobs/<sha256>          the module; its digest is checked
//   POST /v1/builds/<id>             the object (application/octet-stream), or {"error":{"what","why","hint"}}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "coordinator/builder/builder.hpp"

namespace proxima::builder {

struct ServeOptions {
  std::string api;    ///< "http://127.0.0.1:8080"
  std::string cache;  ///< folder of finished objects; empty: none are kept
};

struct Job {
  std::string build;  ///< its name in the API: hexadecimal digits
  Digest module;
  Order order;
};

/// Reads the answer to /v1/builds/next; anything but a complete job is a failure.
Result<Job> job_from(std::string_view json);

/// Serves until the process is ended; returns only where it cannot begin. A coordinator that is gone is asked again,
/// at first after 0.1 s, at last every 5 s.
Result<void> serve(const Builder& builder, const ServeOptions& options);

}  // namespace proxima::builder

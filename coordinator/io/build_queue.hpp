// What shall be built, what a builder has taken, and what failed. Time is an argument; no file, no socket.
// Owned by BuildDesk; loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "coordinator/io/object_store.hpp"

namespace proxima::coordinator {

struct BuildJob {
  std::uint64_t id = 0;
  ObjectKey key;
  std::uint32_t memory_mib = 0;
};

struct FailedBuild {
  ObjectKey key;
  std::string reason;
};

struct BuildQueueOptions {
  std::uint64_t first_id = 1;                          ///< ids of an earlier coordinator must not come again
  Duration builder_time = Duration::seconds(60);       ///< a job that was taken comes back after so long
  std::uint32_t attempts = 3;                          ///< then it has failed
  Duration failure_kept = Duration::seconds(600);      ///< a failed key is not built again before
  std::size_t jobs = 1024;                             ///< waiting and taken
};

class BuildQueue {
 public:
  explicit BuildQueue(const BuildQueueOptions& options) : options_(options), next_id_(options.first_id) {}

  /// Makes a job unless there is one for this key. False if there are too many.
  bool ask(const ObjectKey& key, std::uint32_t memory_mib);
  /// The job that has waited longest; from now it is the taker's until builder_time is over.
  std::optional<BuildJob> take(Instant now);
  /// The job, waiting or taken. A builder that was too slow may still deliver.
  [[nodiscard]] std::optional<BuildJob> find(std::uint64_t id) const;
  [[nodiscard]] bool asked(const ObjectKey& key) const { return by_key_.count(key) > 0; }
  void finish(std::uint64_t id);
  void fail(std::uint64_t id, const std::string& reason, Instant now);

  /// Why this key failed, as long as that is kept.
  [[nodiscard]] std::optional<std::string> failure(const ObjectKey& key, Instant now) const;
  /// The next ask for this module is a fresh one.
  void forget_failures(const Digest& module);

  /// Puts jobs whose builder vanished back in front; answers with those that vanished too often and have failed.
  std::vector<FailedBuild> expire(Instant now);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] bool waiting() const;

 private:
  struct Job {
    BuildJob job;
    std::uint32_t attempts = 0;
    Instant taken_until = Instant::never();  // never: it waits
  };
  struct Failure {
    std::string reason;
    Instant until;
  };

  BuildQueueOptions options_;
  std::uint64_t next_id_;
  std::map<std::uint64_t, Job> jobs_;  // by id: by age
  std::map<ObjectKey, std::uint64_t> by_key_;
  std::map<ObjectKey, Failure> failures_;
};

}  // namespace proxima::coordinator

// Between those who want native objects (the core, agents) and builders: long polls of both, the queue, the store of what
// was built. Owned by the driver; loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/io/bytes.hpp"
#include "common/io/http_server.hpp"
#include "common/io/log.hpp"
#include "common/io/loop.hpp"
#include "coordinator/core/effects.hpp"
#include "coordinator/core/events.hpp"
#include "coordinator/io/blob_store.hpp"
#include "coordinator/io/build_queue.hpp"
#include "coordinator/io/object_store.hpp"

namespace proxima::coordinator {

class BuildDesk {
 public:
  struct Parts {
    io::Loop& loop;
    const io::Log& log;
    BlobStore& blobs;
    ObjectStore& objects;
    std::function<void(Event)> emit;                      ///< ObjectBuilt and BuildFailed; must not call back at once
    std::function<bool(const Digest& module)> is_pinned;  ///< objects of these modules are not pushed out
    std::function<std::uint32_t(const Digest& module)> memory_of;  ///< MiB that tasks give this module
  };

  BuildDesk(Parts parts, const BuildQueueOptions& options);

  /// The core wants this object: ObjectBuilt comes at once if it is there, else when a builder has made it.
  void request(const RequestBuild& wanted);
  /// An agent fetches an object: answers now, or when it is built, or after `wait` with 404. Asks for the build if nobody has.
  void fetch(const ObjectKey& key, Duration wait, io::Responder responder);
  /// A builder asks for work: answers now, or when there is some, or after `wait` with 204.
  void next(Duration wait, io::Responder responder);
  /// A builder delivers. `digest` is what it says of the bytes; empty if it says nothing.
  void built(std::uint64_t build, io::View object, const std::string& digest, io::Responder responder);
  void failed(std::uint64_t build, const std::string& reason, io::Responder responder);
  /// The module was handed in again: what failed may be tried again.
  void forget_failures(const Digest& module) { queue_.forget_failures(module); }

 private:
  struct FetchPoll {
    ObjectKey key;
    Instant until;
    io::Responder responder;
  };
  struct NextPoll {
    Instant until;
    io::Responder responder;
  };

  bool answer_fetch(const ObjectKey& key, io::Responder& responder);
  void answer_fetches(const ObjectKey& key);
  void give_up(const BuildJob& job, const std::string& reason);
  void hand_out();
  void on_time();
  void arm();

  Parts parts_;
  BuildQueue queue_;
  std::vector<FetchPoll> fetches_;
  std::deque<NextPoll> builders_;
  io::Timer timer_;
};

}  // namespace proxima::coordinator

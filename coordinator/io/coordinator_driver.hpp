// The glue of one region: events from broker, clients and builders into the core, the core's effects out to them.
// Owned by main; loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/ids.hpp"
#include "common/base/instant.hpp"
#include "common/base/result.hpp"
#include "common/io/http_server.hpp"
#include "common/io/log.hpp"
#include "common/io/loop.hpp"
#include "common/io/mqtt_link.hpp"
#include "coordinator/core/coordinator.hpp"
#include "coordinator/io/api_json.hpp"
#include "coordinator/io/blob_store.hpp"
#include "coordinator/io/build_desk.hpp"
#include "coordinator/io/change_feed.hpp"
#include "coordinator/io/object_store.hpp"

namespace proxima::coordinator {

struct DriverOptions {
  std::string region;
  std::string broker;                               ///< "127.0.0.1:1883"
  CoordinatorOptions core;
  Duration request_time = Duration::seconds(25);    ///< a request that the core has not answered by then gets a 504
};

class CoordinatorDriver {
 public:
  /// The stores outlive the driver.
  CoordinatorDriver(io::Loop& loop, const io::Log& log, DriverOptions options, BlobStore& blobs, ObjectStore& objects);

  /// Begins to connect to the broker; one that is not there yet is tried again.
  Result<void> start();
  /// Says goodbye to the broker, then calls `done`.
  void close(std::function<void()> done);

  /// Hands a client's request to the core, which answers through `responder` now or later; 504 if it does not in time.
  /// `make` puts the id into the event.
  void ask(const std::function<Event(RequestId)>& make, io::Responder responder);

  [[nodiscard]] const Coordinator& core() const { return core_; }
  [[nodiscard]] BuildDesk& builds() { return builds_; }
  [[nodiscard]] ChangeFeed& changes() { return changes_; }
  [[nodiscard]] BlobStore& blobs() { return blobs_; }
  [[nodiscard]] RegionSummary summary() const;
  [[nodiscard]] NameOf name_of() const;
  /// Whether a task that is not over uses this module.
  [[nodiscard]] bool in_use(const Digest& module) const;

 private:
  struct Waiting {
    io::Responder responder;
    Instant until;
  };
  struct Apply;

  void feed(Event event);
  void run_queue();
  void apply(const Effect& effect);
  void answer(const Reply& reply);
  void publish(const SendDesired& send);
  void on_message(const io::MqttMessage& message);
  void refuse_message(const NodeId& node, const std::string& why);
  void on_timer();
  void expire_requests(Instant now);
  void arm();
  [[nodiscard]] std::uint32_t memory_of(const Digest& module) const;
  [[nodiscard]] BuildDesk::Parts desk_parts(ObjectStore& objects);

  io::Loop& loop_;
  const io::Log& log_;
  DriverOptions options_;
  BlobStore& blobs_;
  Instant started_;
  Coordinator core_;
  std::deque<Event> queue_;             // an effect may cause an event: it waits until the effects before it are applied
  bool running_ = false;
  std::map<RequestId, Waiting> waiting_;  // by id: by age
  std::uint64_t last_request_ = 0;
  std::map<NodeId, std::uint64_t> malformed_;
  BuildDesk builds_;
  ChangeFeed changes_;
  std::unique_ptr<io::MqttLink> broker_;
  io::Timer timer_;
};

}  // namespace proxima::coordinator

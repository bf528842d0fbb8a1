// Gets native objects: out of the cache if they are there and still what they were, else from the coordinator by digest.
// Owned by the driver; loop thread. Digests of cached files are computed on libuv's worker thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/core/events.hpp"
#include "agent/io/http_get.hpp"
#include "agent/io/object_cache.hpp"
#include "common/io/address.hpp"
#include "common/io/log.hpp"
#include "common/io/loop.hpp"

namespace proxima::agent {

class ObjectFetcher {
 public:
  using OnEvent = std::function<void(Event)>;

  /// `on_event` gets one ObjectReady or ObjectUnavailable for each fetch that is not cancelled, always from the loop.
  ObjectFetcher(io::Loop& loop, const io::Log& log, ObjectCache cache, const io::Address& coordinator, OnEvent on_event);
  ~ObjectFetcher();
  ObjectFetcher(const ObjectFetcher&) = delete;
  ObjectFetcher& operator=(const ObjectFetcher&) = delete;

  void fetch(const InstanceKey& key, const ObjectName& name);
  void cancel(const InstanceKey& key);

 private:
  struct Job;
  struct Check;
  void checked(const InstanceKey& key, std::uint64_t job, bool good);
  void ask(const InstanceKey& key, Job& job);
  void on_head(Job& job, const HttpHead& head);
  void on_body(Job& job, io::View bytes);
  void on_end(const InstanceKey& key, Result<void> result);
  [[nodiscard]] Event outcome(const InstanceKey& key, Job& job, const Result<void>& result);
  [[nodiscard]] Event take_object(const InstanceKey& key, Job& job);
  void finish(const InstanceKey& key, Event event);

  io::Loop& loop_;
  const io::Log& log_;
  ObjectCache cache_;
  io::Address coordinator_;
  OnEvent on_event_;
  std::map<InstanceKey, std::unique_ptr<Job>> jobs_;
  std::shared_ptr<bool> alive_;  // shared with checks that are under way on libuv's thread
  std::uint64_t jobs_made_ = 0;
};

}  // namespace proxima::agent

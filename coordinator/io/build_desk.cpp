#include "coordinator/io/build_desk.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/io/api_json.hpp"

namespace proxima::coordinator {
namespace {

void refuse(io::Responder& responder, int status, const Error& error) {
  responder.send({status, "application/json", error_body(error), {}});
}

std::string key_text(const ObjectKey& key) {
  return to_text(key.module).substr(0, 12) + "… for " + key.target + "/" + key.variant;
}

Error unknown_build() {
  return {"there is no such build", "it is finished already, or it is of an earlier coordinator", "ask for the next one"};
}

}  // namespace

BuildDesk::BuildDesk(Parts parts, const BuildQueueOptions& options)
    : parts_(std::move(parts)), queue_(options), timer_(parts_.loop, [this] { on_time(); }) {}

void BuildDesk::request(const RequestBuild& wanted) {
  const ObjectKey key{wanted.module, wanted.target, wanted.variant};
  const auto fail_now = [&](const std::string& reason) {
    parts_.emit(BuildFailed{key.module, key.target, key.variant, reason});
  };
  if (parts_.objects.has(key)) {
    if (const Result<StoredObject> object = parts_.objects.get(key)) {
      parts_.emit(ObjectBuilt{key.module, key.target, key.variant, object->digest});
      return;
    }
  }
  if (!is_target(key.target) || !is_target(key.variant)) return fail_now("'" + key.target + "' is not a target's name");
  if (const auto reason = queue_.failure(key, io::Loop::now())) return fail_now(*reason);
  if (!parts_.blobs.has(key.module)) return fail_now("the module's bytes are not here; hand it in again");
  if (!queue_.ask(key, wanted.memory_mib)) return fail_now("too many builds are waiting; try again later");
  hand_out();
  arm();
}

void BuildDesk::fetch(const ObjectKey& key, Duration wait, io::Responder responder) {
  if (answer_fetch(key, responder)) return;
  if (!queue_.asked(key)) {
    if (!parts_.blobs.has(key.module)) {
      return refuse(responder, 404, {"there is no such object", "nor is its module here",
                                     "PUT it to /v1/blobs/" + to_text(key.module) + " first"});
    }
    if (!queue_.ask(key, parts_.memory_of(key.module))) {
      return refuse(responder, 503, {"cannot build the object", "too many builds are waiting", "try again later"});
    }
    hand_out();
  }
  fetches_.push_back({key, io::Loop::now() + wait, std::move(responder)});
  arm();
}

bool BuildDesk::answer_fetch(const ObjectKey& key, io::Responder& responder) {
  if (parts_.objects.has(key)) {
    Result<StoredObject> object = parts_.objects.get(key);
    if (object) {
      responder.send({200, "application/octet-stream", std::string(object->bytes.begin(), object->bytes.end()),
                      {{"X-Proxima-Digest", to_text(object->digest)}}});
      return true;
    }
    parts_.log.warning("objects", key_text(key) + ": " + object.error().text());
  }
  const std::optional<std::string> reason = queue_.failure(key, io::Loop::now());
  if (!reason) return false;
  refuse(responder, 422, {"the module could not be built", *reason, "mend the module and hand it in again"});
  return true;
}

void BuildDesk::answer_fetches(const ObjectKey& key) {
  std::erase_if(fetches_, [&](FetchPoll& poll) { return poll.key == key && answer_fetch(key, poll.responder); });
}

void BuildDesk::next(Duration wait, io::Responder responder) {
  builders_.push_back({io::Loop::now() + wait, std::move(responder)});
  hand_out();
  arm();
}

void BuildDesk::hand_out() {
  std::erase_if(builders_, [](const NextPoll& poll) { return !poll.responder.waiting(); });
  while (!builders_.empty() && queue_.waiting()) {
    const std::optional<BuildJob> job = queue_.take(io::Loop::now());
    parts_.log.info("builds", "handed out " + build_id_text(job->id) + ": " + key_text(job->key));
    builders_.front().responder.send({200, "application/json", build_job_body(*job), {}});
    builders_.pop_front();
  }
}

void BuildDesk::built(std::uint64_t build, io::View object, const std::string& digest, io::Responder responder) {
  const std::optional<BuildJob> job = queue_.find(build);
  if (!job) return refuse(responder, 404, unknown_build());
  if (object.empty() || object.size() > limits::object_bytes) {
    return refuse(responder, object.empty() ? 400 : 413,
                  {"cannot take the object", "it has " + std::to_string(object.size()) + " bytes",
                   "an object has 1 to " + std::to_string(limits::object_bytes) + " bytes"});
  }
  if (!digest.empty() && digest != to_text(io::sha256(object))) {
    return refuse(responder, 400, {"cannot take the object", "its SHA-256 is not the one in X-Proxima-Digest",
                                   "send it again"});
  }
  const Result<Digest> kept = parts_.objects.put(job->key, object, parts_.is_pinned);
  if (!kept) {
    give_up(*job, kept.error().text());
    return refuse(responder, 507, kept.error());
  }
  queue_.finish(build);
  parts_.log.info("builds", "built " + key_text(job->key) + ", " + std::to_string(object.size()) + " bytes");
  responder.send({200, "application/json", build_body(*job, "built"), {}});
  parts_.emit(ObjectBuilt{job->key.module, job->key.target, job->key.variant, *kept});
  answer_fetches(job->key);
  arm();
}

void BuildDesk::failed(std::uint64_t build, const std::string& reason, io::Responder responder) {
  const std::optional<BuildJob> job = queue_.find(build);
  if (!job) return refuse(responder, 404, unknown_build());
  give_up(*job, reason);
  responder.send({200, "application/json", build_body(*job, "failed"), {}});
}

void BuildDesk::give_up(const BuildJob& job, const std::string& reason) {
  queue_.fail(job.id, reason, io::Loop::now());
  parts_.log.warning("builds", "failed " + key_text(job.key) + ": " + reason);
  parts_.emit(BuildFailed{job.key.module, job.key.target, job.key.variant, reason});
  answer_fetches(job.key);
  arm();
}

void BuildDesk::on_time() {
  const Instant now = io::Loop::now();
  for (const FailedBuild& build : queue_.expire(now)) {
    parts_.log.warning("builds", "failed " + key_text(build.key) + ": " + build.reason);
    parts_.emit(BuildFailed{build.key.module, build.key.target, build.key.variant, build.reason});
    answer_fetches(build.key);
  }
  std::erase_if(fetches_, [now](FetchPoll& poll) {
    if (poll.until > now) return false;
    refuse(poll.responder, 404, {"the object is not built yet", "its build is under way or waits for a builder",
                                 "ask again, with wait_s"});
    return true;
  });
  hand_out();
  std::erase_if(builders_, [now](NextPoll& poll) {
    if (poll.until > now) return false;
    poll.responder.send({204, "", "", {}});
    return true;
  });
  arm();
}

void BuildDesk::arm() {
  Instant next = queue_.next_deadline();
  for (const FetchPoll& poll : fetches_) next = std::min(next, poll.until);
  for (const NextPoll& poll : builders_) next = std::min(next, poll.until);
  timer_.once_at(next);
}

}  // namespace proxima::coordinator

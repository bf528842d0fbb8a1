#include "agent/io/object_fetcher.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <uv.h>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"

namespace proxima::agent {
namespace {

constexpr int wait_s = 20;
constexpr std::size_t words_bytes = 16U << 10U;  // of an error's body

// What the coordinator says went wrong: the words of its error object, or its status alone.
std::string words_of(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto text = [&](const char* name) -> std::string {
    if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return {};
    const auto& error = json["error"];
    return error.contains(name) && error[name].is_string() ? error[name].get<std::string>() : std::string();
  };
  const std::string what = text("what");
  const std::string why = text("why");
  if (what.empty()) return "the coordinator answered with status " + std::to_string(status);
  return why.empty() ? what : what + ": " + why;
}

}  // namespace

struct ObjectFetcher::Job {
  std::uint64_t number = 0;
  ObjectName name;
  std::unique_ptr<HttpGet> get;
  HttpHead head;
  std::string words;
  std::string part;
  int file = -1;
  int write_error = 0;
  io::Sha256 sum;

  ~Job() {
    if (file >= 0) ::close(file);
    if (!part.empty()) ::unlink(part.c_str());
  }
};

/// A digest that is being computed on libuv's thread. Deleted when that is done, whatever became of the fetcher.
struct ObjectFetcher::Check {
  uv_work_t work{};
  ObjectFetcher* fetcher = nullptr;
  std::shared_ptr<bool> alive;
  InstanceKey key;
  std::uint64_t job = 0;
  std::string path;
  bool good = false;
};

ObjectFetcher::ObjectFetcher(io::Loop& loop, const io::Log& log, ObjectCache cache, const io::Address& coordinator, OnEvent on_event)
    : loop_(loop),
      log_(log),
      cache_(std::move(cache)),
      coordinator_(coordinator),
      on_event_(std::move(on_event)),
      alive_(std::make_shared<bool>(true)) {}

ObjectFetcher::~ObjectFetcher() { *alive_ = false; }

void ObjectFetcher::fetch(const InstanceKey& key, const ObjectName& name) {
  auto job = std::make_unique<Job>();
  job->number = ++jobs_made_;
  job->name = name;
  Job& here = *(jobs_[key] = std::move(job));
  if (!cache_.holds(name)) return ask(key, here);
  auto* check = new Check;
  check->work.data = check;
  check->fetcher = this;
  check->alive = alive_;
  check->key = key;
  check->job = here.number;
  check->path = cache_.path(name);
  const auto run = [](uv_work_t* work) {
    auto& own = *static_cast<Check*>(work->data);
    own.good = ObjectCache::verify(own.path);
  };
  const auto after = [](uv_work_t* work, int) {
    const std::unique_ptr<Check> own(static_cast<Check*>(work->data));
    if (*own->alive) own->fetcher->checked(own->key, own->job, own->good);
  };
  PROXIMA_ASSERT(uv_queue_work(&loop_.raw(), &check->work, run, after) == 0);
}

void ObjectFetcher::cancel(const InstanceKey& key) { jobs_.erase(key); }

void ObjectFetcher::checked(const InstanceKey& key, std::uint64_t number, bool good) {
  const auto found = jobs_.find(key);
  if (found == jobs_.end() || found->second->number != number) return;
  Job& job = *found->second;
  if (good) {
    cache_.touch(job.name);
    return finish(key, ObjectReady{key, cache_.path(job.name)});
  }
  log_.warning("cache", "the cached object " + job.name.file() + " is not what its digest says; it is fetched anew");
  cache_.remove(job.name);
  ask(key, job);
}

void ObjectFetcher::ask(const InstanceKey& key, Job& job) {
  const std::string path = "/v1/objects/" + to_text(job.name.module) + "/" + job.name.target + "/" + job.name.variant +
                           "?wait_s=" + std::to_string(wait_s);
  HttpGetOptions options;
  options.body_bytes = limits::object_bytes;
  options.silence = Duration::seconds(wait_s + 10);
  HttpGetCallbacks callbacks;
  callbacks.on_head = [this, &job](const HttpHead& head) { on_head(job, head); };
  callbacks.on_body = [this, &job](io::View bytes) { on_body(job, bytes); };
  callbacks.on_end = [this, key](Result<void> result) { on_end(key, std::move(result)); };
  job.get = std::make_unique<HttpGet>(loop_, coordinator_, path, options, std::move(callbacks));
}

void ObjectFetcher::on_head(Job& job, const HttpHead& head) {
  job.head = head;
  if (head.status != 200) return;
  job.part = cache_.part_path();
  job.file = ::open(job.part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (job.file < 0) job.write_error = errno;
}

void ObjectFetcher::on_body(Job& job, io::View bytes) {
  if (job.head.status != 200) {
    const std::size_t room = words_bytes - std::min(words_bytes, job.words.size());
    job.words.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
    return;
  }
  job.sum.add(bytes);
  while (job.write_error == 0 && !bytes.empty()) {
    const ssize_t wrote = ::write(job.file, bytes.data(), bytes.size());
    if (wrote > 0) bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    if (wrote < 0 && errno != EINTR) job.write_error = errno;
  }
}

void ObjectFetcher::on_end(const InstanceKey& key, Result<void> result) {
  const auto found = jobs_.find(key);
  if (found != jobs_.end()) finish(key, outcome(key, *found->second, result));
}

Event ObjectFetcher::outcome(const InstanceKey& key, Job& job, const Result<void>& result) {
  if (!result) return ObjectUnavailable{key, false, result.error().text()};
  const int status = job.head.status;
  if (status == 200) return take_object(key, job);
  if (status == 404) return ObjectUnavailable{key, false, "the object is not built yet"};
  const bool final = status == 422;  // the build failed; asking again brings the same words
  return ObjectUnavailable{key, final, words_of(status, job.words)};
}

Event ObjectFetcher::take_object(const InstanceKey& key, Job& job) {
  if (job.write_error != 0)
    return ObjectUnavailable{key, false, std::string("cannot write the object to the cache: ") + std::strerror(job.write_error)};
  const Digest actual = job.sum.finish();
  const auto said = job.head.headers.find("x-proxima-digest");
  const auto expected = said == job.head.headers.end() ? std::nullopt : digest_from(said->second);
  if (!expected) return ObjectUnavailable{key, true, "the coordinator did not say the object's digest"};
  if (*expected != actual)
    return ObjectUnavailable{key, true, "the object's bytes are not what its digest says; it was thrown away"};
  const auto kept = cache_.adopt(job.part, job.name, actual);
  if (!kept) return ObjectUnavailable{key, false, kept.error().text()};
  job.part.clear();
  return ObjectReady{key, cache_.path(job.name)};
}

void ObjectFetcher::finish(const InstanceKey& key, Event event) {
  jobs_.erase(key);
  on_event_(std::move(event));
}

}  // namespace proxima::agent

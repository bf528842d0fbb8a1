#include "coordinator/builder/serve.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "common/io/http_client.hpp"
#include "common/protocol/limits.hpp"
#include "coordinator/builder/cache.hpp"

namespace proxima::builder {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int wait_s = 10;
constexpr std::size_t api_words_max = 64;
constexpr int answer_attempts = 5;

void say(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

/// The pause before the next attempt: doubles up to 5 s, starts again after a success.
class BackOff {
 public:
  void wait() {
    std::this_thread::sleep_for(next_);
    next_ = std::min<std::chrono::milliseconds>(next_ * 2, std::chrono::seconds(5));
  }
  void reset() { next_ = first; }

 private:
  static constexpr std::chrono::milliseconds first{100};
  std::chrono::milliseconds next_ = first;
};

bool is_hex(const std::string& text) {
  return !text.empty() && text.size() <= api_words_max &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// True for http://HOST:PORT and nothing else.
bool is_address(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme)) return false;
  text.remove_prefix(scheme.size());
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.find('/') != std::string_view::npos) return false;
  const std::string_view port = text.substr(colon + 1);
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() && number > 0 && number <= 65535;
}

Result<Bytes> fetch_module(io::HttpClient& client, const Digest& digest) {
  const auto answer = client.get("/v1/blobs/" + to_text(digest));
  if (!answer) return answer.failure();
  if (answer->status != 200)
    return fail("cannot fetch the module", "the coordinator answers " + std::to_string(answer->status));
  Bytes module(answer->body.begin(), answer->body.end());
  if (digest_of(module) != digest) return fail("cannot use the module", "its digest is not the one asked for");
  return module;
}

/// Sends an answer, again after a fault; gives up after a few, since the coordinator asks anew for what it still wants.
void post(io::HttpClient& client, const Job& job, const std::string& body, const char* type) {
  BackOff pause;
  for (int attempt = 0; attempt < answer_attempts; ++attempt) {
    const auto result = client.post("/v1/builds/" + job.build, body, type);
    if (result && result->status < 500) {
      if (result->status >= 300) say("build " + job.build + ": the coordinator answers " + std::to_string(result->status));
      return;
    }
    pause.wait();
  }
  say("build " + job.build + ": the coordinator does not take the answer");
}

class Service {
 public:
  Service(const Builder& builder, const std::optional<Cache>& cache, io::HttpClient& client)
      : builder_(builder), cache_(cache), client_(client) {}

  [[noreturn]] void run() {
    BackOff pause;
    std::string last;
    for (;;) {
      const auto done = step();
      if (done) {
        pause.reset();
        last.clear();
        continue;
      }
      if (done.error().text() != last) say(done.error().text());
      last = done.error().text();
      pause.wait();
    }
  }

 private:
  /// One question, and the build if there is one.
  Result<void> step() {
    const auto answer = client_.get("/v1/builds/next?wait_s=" + std::to_string(wait_s));
    if (!answer) return answer.failure();
    if (answer->status == 204) return {};
    if (answer->status != 200)
      return fail("the coordinator has no builds", "it answers " + std::to_string(answer->status));
    const auto job = job_from(answer->body);
    if (!job) return job.failure();
    const auto begin = Clock::now();
    const auto object = object_for(*job);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    if (object) {
      post(client_, *job, std::string(object->begin(), object->end()), "application/octet-stream");
      say("built " + to_text(job->module) + " for " + job->order.target + ": " + std::to_string(object->size()) +
          " bytes in " + std::to_string(took) + " ms");
    } else {
      const Error& error = object.error();
      const Json body{{"error", {{"what", error.what}, {"why", error.why}, {"hint", error.hint}}}};
      post(client_, *job, body.dump(-1, ' ', false, Json::error_handler_t::replace), "application/json");
      say("refused " + to_text(job->module) + ": " + error.text());
    }
    return {};
  }

  Result<Bytes> object_for(const Job& job) {
    const Digest key = Cache::key(job.module, job.order, builder_.version());
    if (cache_) {
      if (auto kept = cache_->find(key)) return std::move(*kept);
    }
    const auto module = fetch_module(client_, job.module);
    if (!module) return module.failure();
    auto object = builder_.build(*module, job.order);
    if (object && cache_) {
      if (const auto kept = cache_->keep(key, *object); !kept) say(kept.error().text());
    }
    return object;
  }

  const Builder& builder_;
  const std::optional<Cache>& cache_;
  io::HttpClient& client_;
};

}  // namespace

Result<Job> job_from(std::string_view text) {
  const Failure garbage = fail("cannot read a build job", "it is not one of proxima/v1/build-job");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return garbage;
  const auto text_of = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  Job job;
  job.build = text_of("build");
  job.order.target = text_of("target");
  job.order.variant = text_of("variant");
  const auto module = digest_from(text_of("module"));
  const auto memory = json.find("memory_mib");
  if (text_of("schema") != "proxima/v1/build-job" || !is_hex(job.build) || !module ||
      job.order.target.size() > api_words_max || job.order.variant.size() > api_words_max || memory == json.end() ||
      !memory->is_number_unsigned() || memory->get<std::uint64_t>() == 0 ||
      memory->get<std::uint64_t>() > limits::memory_mib_max)
    return garbage;
  job.module = *module;
  job.order.memory_mib = memory->get<std::uint32_t>();
  return job;
}

Result<void> serve(const Builder& builder, const ServeOptions& options) {
  if (!is_address(options.api)) return fail("cannot serve '" + options.api + "'", "it is not an address", "give --api http://HOST:PORT");
  io::HttpClientOptions http;
  http.connect_time = Duration::seconds(2);
  http.read_time = Duration::seconds(wait_s + 10);
  http.body_bytes = limits::module_bytes;
  io::HttpClient client(options.api, http);
  std::optional<Cache> cache;
  if (!options.cache.empty()) {
    auto opened = Cache::open(options.cache);
    if (!opened) return opened.failure();
    cache.emplace(std::move(*opened));
  }
  say(std::string("serving ") + options.api + (builder.jail_level() == JailLevel::namespaces
                                                   ? ", tools run in a jail"
                                                   : ", tools run under limits only: bubblewrap does not work here"));
  std::printf("{\"schema\":\"proxima/v1/builder\",\"ready\":true,\"pid\":%d}\n", static_cast<int>(getpid()));
  std::fflush(stdout);
  Service(builder, cache, client).run();
}

}  // namespace proxima::builder

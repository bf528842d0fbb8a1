#include "coordinator/builder/serve.hpp"

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <httplib.h>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/protocol/limits.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/builder/built.hpp"

using proxima::builder::digest_of;
using proxima::builder::job_from;
using proxima::tests::Bytes;
using Json = nlohmann::json;

namespace {

Json good_job(const std::string& build, const Bytes& module) {
  return {{"schema", "proxima/v1/build-job"}, {"build", build},   {"module", proxima::to_text(digest_of(module))},
          {"target", "x86_64-linux-gnu"},     {"variant", "scalar"}, {"memory_mib", 16}};
}

struct Answered {
  std::string build;
  std::string type;
  std::string body;
};

/// The coordinator's part of the interface, over real HTTP on a port of its own.
class Coordinator {
 public:
  explicit Coordinator(int port = 0) {
    server_.Get("/v1/builds/next", [this](const httplib::Request&, httplib::Response& response) { next(response); });
    server_.Get(R"(/v1/blobs/([0-9a-f]+))", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      ++fetched_;
      const auto found = blobs_.find(request.matches[1]);
      if (found == blobs_.end()) response.status = 404;
      else response.set_content(std::string(found->second.begin(), found->second.end()), "application/octet-stream");
    });
    server_.Post(R"(/v1/builds/([0-9a-f]+))", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      answers_.push_back({request.matches[1], request.get_header_value("Content-Type"), request.body});
      response.status = 204;
      changed_.notify_all();
    });
    port_ = port == 0 ? server_.bind_to_any_port("127.0.0.1") : (server_.bind_to_port("127.0.0.1", port), port);
    BOOST_REQUIRE(port_ > 0);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Coordinator() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    server_.stop();
    thread_.join();
  }
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string api() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void offer(const std::string& name, const Bytes& blob) {
    const std::lock_guard lock(mutex_);
    blobs_[name] = blob;
  }
  void ask(const std::string& job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
    changed_.notify_all();
  }
  /// The next answer that comes in; fails the test after a minute.
  Answered answer() {
    std::unique_lock lock(mutex_);
    BOOST_REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !answers_.empty(); }));
    Answered first = answers_.front();
    answers_.pop_front();
    return first;
  }
  [[nodiscard]] int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Waits for a question beyond the first `known`.
  void await_question(int known) {
    std::unique_lock lock(mutex_);
    BOOST_REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return asked_ > known; }));
  }
  [[nodiscard]] int fetched() {
    const std::lock_guard lock(mutex_);
    return fetched_;
  }

 private:
  void next(httplib::Response& response) {
    std::unique_lock lock(mutex_);
    const int mine = ++asked_;  // only the newest question gets a job: an older one may be a dead builder's
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(2), [&] { return mine != asked_ || !jobs_.empty() || closing_; });
    if (jobs_.empty() || mine != asked_) {
      response.status = 204;
      return;
    }
    response.set_content(jobs_.front(), "application/json");
    jobs_.pop_front();
  }

  httplib::Server server_;
  std::mutex mutex_;
  int asked_ = 0;
  std::condition_variable changed_;
  std::map<std::string, Bytes> blobs_;
  std::deque<std::string> jobs_;
  std::deque<Answered> answers_;
  int fetched_ = 0;
  bool closing_ = false;
  int port_ = 0;
  std::thread thread_;
};

std::vector<std::string> service(const std::string& api, const std::string& cache) {
  return {PROXIMA_BUILDER, "serve", "--api", api, "--cache", cache, "--wasm2c", PROXIMA_WASM2C};
}

void check_object(const Answered& answered, const std::string& build, const std::string& name) {
  BOOST_TEST(answered.build == build);
  BOOST_REQUIRE_MESSAGE(answered.type == "application/octet-stream", answered.body);
  BOOST_TEST((Bytes(answered.body.begin(), answered.body.end()) == proxima::tests::built(name)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(serve)

BOOST_AUTO_TEST_CASE(only_a_complete_job_is_read) {
  const Json good = good_job("1f", Bytes{1});
  BOOST_REQUIRE(job_from(good.dump()).has_value());
  BOOST_TEST(job_from(good.dump())->order.memory_mib == 16U);
  const auto spoiled = [&](const char* key, const Json& value) {
    Json job = good;
    job[key] = value;
    return job.dump();
  };
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("null"), std::string("{\"build\":"), spoiled("schema", "proxima/v2/build-job"),
        spoiled("build", "../../etc"), spoiled("build", ""), spoiled("build", 7), spoiled("build", std::string(65, 'a')),
        spoiled("module", "abc"), spoiled("module", nullptr), spoiled("target", std::string(65, 'x')), spoiled("memory_mib", 0),
        spoiled("memory_mib", -1), spoiled("memory_mib", std::uint64_t{proxima::limits::memory_mib_max} + 1), spoiled("memory_mib", "16"), spoiled("memory_mib", 1e300)}) {
    BOOST_TEST(!job_from(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(jobs_are_built_answered_and_kept) {
  const proxima::tests::TempDir cache;
  Coordinator coordinator;
  const Bytes module = proxima::tests::task("trivial");
  coordinator.offer(proxima::to_text(digest_of(module)), module);
  proxima::tests::Process builder(service(coordinator.api(), cache.path()));
  coordinator.ask(good_job("a1", module).dump());
  check_object(coordinator.answer(), "a1", "trivial");
  BOOST_TEST(coordinator.fetched() == 1);
  coordinator.ask(good_job("a2", module).dump());
  check_object(coordinator.answer(), "a2", "trivial");
  BOOST_TEST(coordinator.fetched() == 1);  // out of the cache
}

BOOST_AUTO_TEST_CASE(what_cannot_be_built_is_answered_with_the_reason) {
  const proxima::tests::TempDir cache;
  Coordinator coordinator;
  const Bytes module = proxima::tests::guest("wants_4_gib");
  const Bytes other = proxima::tests::task("trivial");
  coordinator.offer(proxima::to_text(digest_of(module)), module);
  coordinator.offer(proxima::to_text(digest_of(other)), module);  // another content than the name says
  proxima::tests::Process builder(service(coordinator.api(), cache.path()));
  coordinator.ask("{\"schema\":\"garbage\"}");
  coordinator.ask(good_job("b1", module).dump());
  const Answered refused = coordinator.answer();
  BOOST_TEST(refused.build == "b1");
  BOOST_REQUIRE(refused.type == "application/json");
  BOOST_TEST(Json::parse(refused.body)["error"]["why"].get<std::string>().find("4096 MiB") != std::string::npos);
  coordinator.ask(good_job("b2", other).dump());
  BOOST_TEST(Json::parse(coordinator.answer().body)["error"]["why"] == "its digest is not the one asked for");
  coordinator.ask(good_job("b3", Bytes{9, 9}).dump());
  BOOST_TEST(Json::parse(coordinator.answer().body)["error"]["why"] == "the coordinator answers 404");
  BOOST_TEST(builder.running());
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_goes_and_comes_back_is_served_again) {
  const proxima::tests::TempDir cache;
  const Bytes module = proxima::tests::task("trivial");
  auto first = std::make_unique<Coordinator>();
  const int port = first->port();
  proxima::tests::Process builder(service(first->api(), cache.path()));
  first->offer(proxima::to_text(digest_of(module)), module);
  first->ask(good_job("c1", module).dump());
  check_object(first->answer(), "c1", "trivial");
  first.reset();
  BOOST_TEST(builder.wait_for_output("/v1/builds/next"));  // it noticed, and goes on asking
  Coordinator second(port);
  second.ask(good_job("c2", module).dump());
  check_object(second.answer(), "c2", "trivial");
}

BOOST_AUTO_TEST_CASE(a_killed_builder_is_replaced_by_one_that_uses_its_cache) {
  const proxima::tests::TempDir cache;
  std::filesystem::create_directory(cache.file("proxima-build-of-a-killed-one"));
  Coordinator coordinator;
  const Bytes module = proxima::tests::task("trivial");
  coordinator.offer(proxima::to_text(digest_of(module)), module);
  {
    proxima::tests::Process builder(service(coordinator.api(), cache.path()));
    coordinator.ask(good_job("d1", module).dump());
    check_object(coordinator.answer(), "d1", "trivial");
    builder.signal(SIGKILL);
    BOOST_REQUIRE(builder.wait().has_value());
  }
  const int asked = coordinator.asked();
  proxima::tests::Process builder(service(coordinator.api(), cache.path()));
  coordinator.await_question(asked);
  coordinator.ask(good_job("d2", module).dump());
  check_object(coordinator.answer(), "d2", "trivial");
  BOOST_TEST(coordinator.fetched() == 1);
  BOOST_TEST(!std::filesystem::exists(cache.file("proxima-build-of-a-killed-one")));
}

BOOST_AUTO_TEST_CASE(an_address_that_is_none_is_refused) {
  for (const char* api : {"ftp://x", "127.0.0.1", "http://", "http://127.0.0.1:99999999999"}) {
    const auto done = proxima::tests::run({PROXIMA_BUILDER, "serve", "--api", api, "--wasm2c", PROXIMA_WASM2C});
    BOOST_TEST(done.status == 1, api << ": " << done.output);
    BOOST_TEST(done.output.find("http://HOST:PORT") != std::string::npos, done.output);
  }
}

BOOST_AUTO_TEST_SUITE_END()

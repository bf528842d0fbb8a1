// Modules, objects and builders: long polls, failures in words, what a builder may send.
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "common/io/digest.hpp"
#include "common/protocol/limits.hpp"
#include "tests/integration/coordinator/rig.hpp"

namespace proxima::tests {
namespace {

using nlohmann::json;

std::string digest_of(const std::string& bytes) {
  return to_text(io::sha256({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
}

std::string object_path(const std::string& module) { return "/v1/objects/" + module + "/x86_64-linux-gnu/scalar"; }

Answer deliver(const Region& region, const std::string& build, const std::string& bytes, Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/octet-stream");
  return region.ask({"POST", "/v1/builds/" + build, bytes, headers});
}

BOOST_AUTO_TEST_SUITE(builds)

BOOST_AUTO_TEST_CASE(a_blob_is_kept_under_its_own_digest_only) {
  Region region;
  const std::string bytes("module \0\x01\xff\r\n\r\n bytes", 20);
  const std::string path = "/v1/blobs/" + digest_of(bytes);
  BOOST_TEST(region.get(path).status == 404);
  BOOST_TEST(region.ask({"PUT", path, bytes, {}}).status == 201);
  BOOST_TEST(region.ask({"PUT", path, bytes, {}}).status == 200);
  const Answer read = region.get(path);
  BOOST_TEST(read.status == 200);
  BOOST_TEST(read.body == bytes);
  BOOST_TEST(read.headers.at("content-type") == "application/octet-stream");
  const Answer wrong = region.ask({"PUT", "/v1/blobs/" + std::string(64, '0'), bytes, {}});
  BOOST_TEST(wrong.status == 400);
  BOOST_TEST(wrong.why().find("SHA-256") != std::string::npos);
  BOOST_TEST(region.get("/v1/blobs/" + std::string(64, '0')).status == 404);
}

BOOST_AUTO_TEST_CASE(the_largest_blob_is_taken_and_one_byte_more_is_not) {
  Region region;
  const std::string largest(limits::module_bytes, 'm');
  BOOST_TEST(region.ask({"PUT", "/v1/blobs/" + digest_of(largest), largest, {}}).status == 201);
  BOOST_TEST(region.get("/v1/blobs/" + digest_of(largest)).body == largest);
  const std::string larger = largest + "m";
  BOOST_TEST(region.ask({"PUT", "/v1/blobs/" + digest_of(larger), larger, {}}).status == 413);
  // A length that is only announced is refused before the bytes come.
  Connection liar(region.port());
  liar.send({"PUT", "/v1/blobs/" + digest_of(larger), "", {{"Content-Length", "99999999999"}}});
  BOOST_TEST(liar.answer().status == 413);
  BOOST_TEST(region.get("/v1/region").status == 200);
}

BOOST_AUTO_TEST_CASE(an_object_is_built_when_it_is_first_fetched_and_kept) {
  Region region;
  const std::string module = region.put_blob("a module");
  BOOST_TEST(region.get("/v1/builds/next").status == 204);
  const Answer early = region.get(object_path(module));
  BOOST_TEST(early.status == 404);

  const Answer job = region.get("/v1/builds/next");
  BOOST_REQUIRE(job.status == 200);
  BOOST_TEST(job.json().at("schema") == "proxima/v1/build-job");
  BOOST_TEST(job.json().at("module") == module);
  BOOST_TEST(job.json().at("target") == "x86_64-linux-gnu");
  BOOST_TEST(job.json().at("variant") == "scalar");
  BOOST_TEST(job.json().at("memory_mib") == 16);
  BOOST_TEST(region.get("/v1/builds/next").status == 204);  // nobody else gets the same

  const std::string object = "native code";
  const std::string build = job.json().at("build");
  const Answer spoilt = deliver(region, build, object, {{"X-Proxima-Digest", std::string(64, '1')}});
  BOOST_TEST(spoilt.status == 400);
  BOOST_TEST(deliver(region, build, "").status == 400);
  BOOST_TEST(deliver(region, build, object, {{"X-Proxima-Digest", digest_of(object)}}).status == 200);
  BOOST_TEST(deliver(region, build, object).status == 404);  // it is finished

  const Answer fetched = region.get(object_path(module) + "?wait_s=30");
  BOOST_TEST(fetched.status == 200);
  BOOST_TEST(fetched.body == object);
  BOOST_TEST(fetched.headers.at("x-proxima-digest") == digest_of(object));

  region.program().signal(SIGKILL);
  BOOST_REQUIRE(region.program().wait().has_value());
  region.start();
  BOOST_TEST(region.get(object_path(module)).body == object);
}

BOOST_AUTO_TEST_CASE(an_object_of_a_module_that_is_not_here_is_not_waited_for) {
  Region region;
  const Answer answer = region.get(object_path(std::string(64, 'e')) + "?wait_s=30");
  BOOST_TEST(answer.status == 404);
  BOOST_TEST(answer.json().at("error").at("hint").get<std::string>().find("PUT it to /v1/blobs/") != std::string::npos);
  BOOST_TEST(region.get("/v1/builds/next").status == 204);
}

BOOST_AUTO_TEST_CASE(a_builder_that_waits_gets_the_job_that_comes) {
  Region region;
  const std::string module = region.put_blob("a module");
  Connection builder(region.port());
  builder.send({"GET", "/v1/builds/next?wait_s=30", "", {}});
  BOOST_TEST(region.get(object_path(module)).status == 404);
  const Answer job = builder.answer();
  BOOST_REQUIRE(job.status == 200);
  BOOST_TEST(job.json().at("module") == module);
}

BOOST_AUTO_TEST_CASE(a_builder_that_hung_up_while_it_waited_takes_no_job_with_it) {
  Region region;
  const std::string module = region.put_blob("a module");
  {
    Connection gone(region.port());
    gone.send({"GET", "/v1/builds/next?wait_s=30", "", {}});
    BOOST_TEST(region.get("/v1/region").status == 200);
  }
  BOOST_TEST(region.get("/v1/region").status == 200);
  Connection agent(region.port());
  agent.send({"GET", object_path(module) + "?wait_s=30", "", {}});
  const Answer job = region.get("/v1/builds/next?wait_s=30");
  BOOST_REQUIRE(job.status == 200);
  BOOST_TEST(deliver(region, job.json().at("build"), "code").status == 200);
  BOOST_TEST(agent.answer().body == "code");
}

BOOST_AUTO_TEST_CASE(a_build_that_failed_is_told_in_its_words_until_the_module_is_handed_in_again) {
  Region region;
  const std::string module = region.put_blob("a broken module");
  Connection agent(region.port());
  agent.send({"GET", object_path(module) + "?wait_s=30", "", {}});
  const Answer job = region.get("/v1/builds/next?wait_s=30");
  BOOST_REQUIRE(job.status == 200);
  const std::string build = job.json().at("build");
  const json error = {{"error", {{"what", "cannot build the module"}, {"why", "it has no on_frame"}, {"hint", ""}}}};
  BOOST_TEST(region.post("/v1/builds/" + build, {{"error", "text"}}).status == 400);
  BOOST_TEST(region.post("/v1/builds/" + build, error).status == 200);
  const Answer failed = agent.answer();
  BOOST_TEST(failed.status == 422);
  BOOST_TEST(failed.why().find("it has no on_frame") != std::string::npos);
  BOOST_TEST(region.get(object_path(module)).status == 422);
  BOOST_TEST(region.get("/v1/builds/next").status == 204);

  region.put_blob("a broken module");
  BOOST_TEST(region.get(object_path(module)).status == 404);
  BOOST_TEST(region.get("/v1/builds/next").status == 200);
}

BOOST_AUTO_TEST_CASE(a_task_whose_build_fails_is_refused_with_the_builders_words) {
  Region region;
  io::Loop loop;
  BOOST_REQUIRE(region.wait_for_broker());
  Agent agent(loop, region, {"router", 1, {}, 1000});
  BOOST_REQUIRE(agent.join());
  const std::string module = region.put_blob("a broken module");
  const Answer accepted = region.post("/v1/tasks", task_request(module));
  BOOST_REQUIRE_MESSAGE(accepted.status == 201, accepted.body);
  const std::string path = "/v1/tasks/" + accepted.json().at("task").get<std::string>();
  const Answer job = region.get("/v1/builds/next?wait_s=30");
  BOOST_REQUIRE(job.status == 200);
  const json error = {{"error", {{"what", "cannot build the module"}, {"why", "it has no on_frame"}}}};
  BOOST_TEST(region.post("/v1/builds/" + job.json().at("build").get<std::string>(), error).status == 200);
  BOOST_TEST(eventually([&] { return region.get(path).json().at("state") == "refused"; }));
  const std::string reason = region.get(path).json().at("reason");
  BOOST_TEST(reason.find("it has no on_frame") != std::string::npos, reason);
}

BOOST_AUTO_TEST_CASE(sixty_four_that_wait_keep_nobody_else_waiting) {
  Region region;
  const std::string module = region.put_blob("a module");
  std::vector<Connection> agents;
  for (int i = 0; i < 64; ++i) {
    agents.emplace_back(region.port());
    agents.back().send({"GET", object_path(module) + "?wait_s=30", "", {}});
  }
  const Answer job = region.get("/v1/builds/next?wait_s=30");
  BOOST_REQUIRE(job.status == 200);
  BOOST_TEST(region.get("/v1/region").status == 200);
  for (const Connection& agent : agents) BOOST_TEST(!agent.readable());
  BOOST_TEST(deliver(region, job.json().at("build"), "code").status == 200);
  for (Connection& agent : agents) {
    const Answer answer = agent.answer();
    BOOST_TEST(answer.status == 200);
    BOOST_TEST(answer.body == "code");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::tests

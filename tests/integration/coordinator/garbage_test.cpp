// What nobody should send, on every route: the status, and words that name what is wrong.
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/integration/coordinator/rig.hpp"

namespace proxima::tests {
namespace {

struct Row {
  const char* name;
  Ask ask;
  int status;
  std::string why;  // what error.why begins with; empty: not looked at
};

const Headers json_type = {{"Content-Type", "application/json"}};
const std::string zeros = std::string(16, '0');
const std::string digest = std::string(64, 'a');

Ask post(const std::string& path, const std::string& body) { return {"POST", path, body, json_type}; }

std::vector<Row> rows() {
  const std::string task = "/v1/tasks/" + zeros;
  const std::string objects = "/v1/objects/" + digest;
  return {
      {"no such path", {"GET", "/v1/nothing", "", {}}, 404, ""},
      {"the root", {"GET", "/", "", {}}, 404, ""},
      {"a method that is not offered", {"PATCH", "/v1/tasks", "", {}}, 405, ""},
      {"an id that is none", {"GET", "/v1/tasks/xyz", "", {}}, 400, "task: must be 16"},
      {"an id in capitals", {"GET", "/v1/tasks/ABCDEF0123456789", "", {}}, 400, "task: must be 16"},
      {"an id that climbs", {"GET", "/v1/tasks/..%2f..%2fetc", "", {}}, 404, ""},
      {"an unknown task", {"GET", task, "", {}}, 404, ""},
      {"an unknown task's explanation", {"GET", task + "/explain", "", {}}, 404, ""},
      {"an unknown task's events", {"GET", task + "/events", "", {}}, 404, ""},
      {"an unknown task stopped", {"DELETE", task, "", {}}, 404, ""},
      {"an unknown task measured", post(task + "/measurements", R"({"nodes":[]})"), 404, ""},
      {"an unknown task tried", post(task + "/trials", R"({"trials":[]})"), 404, ""},
      {"an unknown task taken over", post(task + "/takeover", R"({"epoch":2,"reason":"x"})"), 404, ""},
      {"an unknown task's standby", post(task + "/standby-lost", R"({"epoch":2})"), 404, ""},
      {"an unknown task's report", post(task + "/report", R"({"frames":1,"late":0})"), 404, ""},
      {"no body", post("/v1/tasks", ""), 400, "it is not JSON"},
      {"no JSON", post("/v1/tasks", "hello"), 400, "it is not JSON: see byte 1"},
      {"NaN", post("/v1/tasks", R"({"frame_bytes":NaN})"), 400, "it is not JSON"},
      {"deep nesting", post("/v1/tasks", std::string(100'000, '[')), 400, ""},
      {"a list", post("/v1/tasks", "[]"), 400, "the body: must be an object"},
      {"an empty object", post("/v1/tasks", "{}"), 400, "spec: is missing"},
      {"another type", {"POST", "/v1/tasks", "{}", {{"Content-Type", "text/plain"}}}, 415, "Content-Type"},
      {"no type", {"POST", "/v1/tasks", "{}", {}}, 415, "Content-Type"},
      {"a body beyond all measure", post("/v1/tasks", std::string(300'000, ' ')), 413, "it has more than"},
      {"measurements in a bad shape", post(task + "/measurements", R"({"nodes":[{"node":1}]})"), 400, "nodes[0].node: must be a text"},
      {"trials in a bad shape", post(task + "/trials", R"({"trials":7})"), 400, "trials: must be a list"},
      {"a takeover without an epoch", post(task + "/takeover", R"({"reason":"x"})"), 400, "epoch: is missing"},
      {"a standby of epoch 0", post(task + "/standby-lost", R"({"epoch":0})"), 400, "epoch: must be a whole number"},
      {"a report with a stranger", post(task + "/report", R"({"frames":1,"late":0,"x":1})"), 400, "x: is not a field"},
      {"a blob's id that is none", {"GET", "/v1/blobs/abc", "", {}}, 400, "digest: must be 64"},
      {"an unknown blob", {"GET", "/v1/blobs/" + digest, "", {}}, 404, ""},
      {"an empty blob", {"PUT", "/v1/blobs/" + digest, "", {}}, 400, "the body has 0 bytes"},
      {"another digest", {"PUT", "/v1/blobs/" + digest, "bytes", {}}, 400, "the body's SHA-256"},
      {"an object's module that is none", {"GET", "/v1/objects/abc/x86_64-linux-gnu/scalar", "", {}}, 400, "module: must be 64"},
      {"an object's target that is none", {"GET", objects + "/X86/scalar", "", {}}, 400, "target: must be"},
      {"an object's variant that climbs", {"GET", objects + "/x86/..%2f..", "", {}}, 404, ""},
      {"a wait that is too long", {"GET", objects + "/x86/scalar?wait_s=31", "", {}}, 400, "wait_s: must be"},
      {"a wait that is no number", {"GET", "/v1/builds/next?wait_s=1e3", "", {}}, 400, "wait_s: must be"},
      {"a negative wait", {"GET", "/v1/builds/next?wait_s=-1", "", {}}, 400, "wait_s: must be"},
      {"a look at the next build that would take it", {"HEAD", "/v1/builds/next", "", {}}, 405, ""},
      {"a build's id that is none", {"POST", "/v1/builds/next", "x", {}}, 400, "build: must be 16"},
      {"an unknown build", {"POST", "/v1/builds/" + zeros, "x", {}}, 404, ""},
      {"an unknown build's failure", post("/v1/builds/" + zeros, R"({"error":{"what":"x"}})"), 404, ""},
      {"a build's failure in a bad shape", post("/v1/builds/" + zeros, R"({"failed":1})"), 400, "error: is missing"},
      {"another Host", {"GET", "/v1/region", "", {{"Host", "evil.example"}}}, 403, ""},
      {"a Host with words for a port", {"GET", "/v1/region", "", {{"Host", "localhost:evil"}}}, 403, "Host: must be"},
      {"another site's page", {"GET", "/v1/region", "", {{"Origin", "http://evil.example"}}}, 403, ""},
      {"a page without an origin", {"GET", "/v1/region", "", {{"Origin", "null"}}}, 403, ""},
      {"another site's picture", {"GET", "/v1/builds/next", "", {{"Sec-Fetch-Site", "cross-site"}}}, 403, "Sec-Fetch-Site"},
  };
}

BOOST_AUTO_TEST_SUITE(garbage)

BOOST_AUTO_TEST_CASE(every_route_refuses_garbage_with_the_right_status_and_words) {
  Region region;
  for (const Row& row : rows()) {
    BOOST_TEST_CONTEXT(row.name << ": " << row.ask.method << " " << row.ask.path) {
      const Answer answer = region.ask(row.ask);
      BOOST_TEST(answer.status == row.status, answer.status << " " << answer.body);
      if (row.ask.method == "HEAD") continue;
      const nlohmann::json body = answer.json();
      BOOST_REQUIRE_MESSAGE((body.is_object() && body.contains("error")), answer.body);
      BOOST_TEST(!body["error"].at("what").get<std::string>().empty());
      BOOST_TEST(answer.why().starts_with(row.why), answer.why());
    }
  }
  BOOST_TEST(region.get("/v1/region").status == 200);
  BOOST_TEST(region.program().running());
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_http_end_only_their_connection) {
  Region region;
  const std::string rows[] = {std::string(1000, '\0'), "GET\r\n\r\n", "\x16\x03\x01\x02\x00", std::string(100'000, 'A'),
                              "GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"};
  for (const std::string& bytes : rows) {
    Connection connection(region.port());
    connection.send_raw(bytes);
    BOOST_TEST(region.get("/v1/region").status == 200);
  }
  BOOST_TEST(region.program().running());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::tests

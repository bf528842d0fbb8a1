// Reading and writing the API's bodies: what is refused, with the path of its field, and what comes through.
#include <cmath>
#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "coordinator/io/api_json.hpp"
#include "coordinator/io/api_routes.hpp"

namespace proxima::coordinator {
namespace {

using nlohmann::json;

json task_request() {
  return {{"spec",
           {{"name", "motion"},
            {"version", "0.1.0"},
            {"module", std::string(64, 'a')},
            {"contract", {{"deadline_ms", 20}, {"p95_ms", nullptr}, {"rate_hz", 30}}},
            {"memory_mib", 16},
            {"functions", {"vision"}},
            {"input", {{"format", "grey8"}, {"width", 320}, {"height", 240}, {"quality", 85}, {"max_bytes", 76800}}},
            {"pinned_node", "kitchen-router"}}},
          {"frame_bytes", 76800},
          {"dry_run", true},
          {"lease_ms", 5000}};
}

// Replaces what is at `pointer`; an empty `value` text removes it.
json changed(json document, const std::string& pointer, const std::string& value) {
  const json::json_pointer at(pointer);
  if (value.empty()) {
    document.at(at.parent_pointer()).erase(at.back());
  } else {
    document[at] = json::parse(value);
  }
  return document;
}

BOOST_AUTO_TEST_SUITE(reading)

BOOST_AUTO_TEST_CASE(a_whole_task_request_comes_through) {
  const auto read = read_task_request(task_request().dump());
  BOOST_REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().text()));
  BOOST_TEST(read->spec.name == "motion");
  BOOST_TEST(to_text(read->spec.module) == std::string(64, 'a'));
  BOOST_TEST(read->spec.contract.deadline_ms.value_or(0) == 20.0);
  BOOST_TEST(!read->spec.contract.p95_ms.has_value());
  BOOST_TEST(read->spec.contract.rate_hz == 30.0);
  BOOST_TEST(read->spec.functions.at(0) == "vision");
  BOOST_TEST((read->spec.input.format == protocol::FrameFormat::grey8));
  BOOST_TEST(read->spec.input.width == 320);
  BOOST_TEST(read->spec.pinned_node == "kitchen-router");
  BOOST_TEST(read->frame_bytes == 76800U);
  BOOST_TEST(read->dry_run);
  BOOST_TEST(read->lease_ms == 5000U);
}

BOOST_AUTO_TEST_CASE(values_that_may_be_left_out_may) {
  json request = task_request();
  request.erase("dry_run");
  request["lease_ms"] = nullptr;
  request["spec"].erase("functions");
  request["spec"]["pinned_node"] = nullptr;
  request["spec"]["contract"] = json::object();
  const auto read = read_task_request(request.dump());
  BOOST_REQUIRE(read);
  BOOST_TEST(!read->dry_run);
  BOOST_TEST(!read->spec.contract.deadline_ms.has_value());
  BOOST_TEST(read->spec.pinned_node.empty());
}

struct Wrong {
  const char* pointer;
  const char* value;  // empty: the field is left out
  const char* path;   // that the refusal begins with
};

BOOST_AUTO_TEST_CASE(each_wrong_field_of_a_task_request_is_named_by_its_path) {
  const Wrong rows[] = {
      {"/spec", "", "spec: is missing"},
      {"/spec", "[]", "spec: must be an object"},
      {"/spec", "null", "spec: is missing"},
      {"/frame_bytes", "", "frame_bytes: is missing"},
      {"/frame_bytes", "-1", "frame_bytes: must be a whole number"},
      {"/frame_bytes", "1.5", "frame_bytes: must be a whole number"},
      {"/frame_bytes", "4194305", "frame_bytes: must be a whole number"},
      {"/frame_bytes", "76801", "frame_bytes: must be at most"},
      {"/dry_run", "1", "dry_run: must be true or false"},
      {"/lease_ms", "\"5\"", "lease_ms: must be a whole number"},
      {"/lease_ms", "99999999999", "lease_ms: must be a whole number"},
      {"/extra", "1", "extra: is not a field"},
      {"/spec/extra", "1", "spec.extra: is not a field"},
      {"/spec/name", "\"Motion\"", "spec.name: must be 1 to 32"},
      {"/spec/name", "\"\"", "spec.name: must be 1 to 32"},
      {"/spec/name", "7", "spec.name: must be a text"},
      {"/spec/version", "\"\"", "spec.version: must be like"},
      {"/spec/version", "\"a b\"", "spec.version: must be like"},
      {"/spec/module", "\"abc\"", "spec.module: must be 64"},
      {"/spec/module", "\"AAAA\"", "spec.module: must be 64"},
      {"/spec/contract", "", "spec.contract: is missing"},
      {"/spec/contract/deadline_ms", "\"fast\"", "spec.contract.deadline_ms: must be a number"},
      {"/spec/contract/deadline_ms", "0", "spec.contract.deadline_ms: must be a number from 0.1 to 60000"},
      {"/spec/contract/deadline_ms", "60001", "spec.contract.deadline_ms: must be a number"},
      {"/spec/contract/p95_ms", "true", "spec.contract.p95_ms: must be a number"},
      {"/spec/contract/rate_hz", "0", "spec.contract.rate_hz: must be a number"},
      {"/spec/contract/rate", "1", "spec.contract.rate: is not a field"},
      {"/spec/memory_mib", "0", "spec.memory_mib: must be a whole number"},
      {"/spec/memory_mib", "5000", "spec.memory_mib: must be a whole number"},
      {"/spec/functions", "\"vision\"", "spec.functions: must be a list"},
      {"/spec/functions", "[1]", "spec.functions[0]: must be a text"},
      {"/spec/functions", "[\"a\",\"a\"]", "spec.functions[1]: comes twice"},
      {"/spec/functions", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]", "spec.functions: has 9 elements"},
      {"/spec/input", "", "spec.input: is missing"},
      {"/spec/input/format", "\"png\"", "spec.input.format: must be"},
      {"/spec/input/width", "65536", "spec.input.width: must be a whole number"},
      {"/spec/input/quality", "0", "spec.input.quality: must be a whole number"},
      {"/spec/input/max_bytes", "0", "spec.input.max_bytes: must be a whole number"},
      {"/spec/pinned_node", "\"no such_name\"", "spec.pinned_node: must be 1 to 32"},
      {"/spec/pinned_node", "{}", "spec.pinned_node: must be a text"},
  };
  for (const Wrong& row : rows) {
    BOOST_TEST_CONTEXT(row.pointer << " = " << row.value) {
      const auto read = read_task_request(changed(task_request(), row.pointer, row.value).dump());
      BOOST_REQUIRE(!read);
      BOOST_TEST(read.error().why.starts_with(row.path), read.error().why);
      BOOST_TEST(!read.error().hint.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_json_or_no_honest_json_is_refused) {
  const std::string rows[] = {"",
                              "{",
                              "nonsense",
                              "{} {}",
                              "[]",
                              "3",
                              "null",
                              "{\"frame_bytes\":NaN}",
                              "{\"frame_bytes\":1e999}",
                              "{\"frame_bytes\":1,\"frame_bytes\":1}",
                              std::string("{\"a\":\"\xff\xfe\"}"),
                              std::string("{\"a\":\"\0\"}", 9),
                              std::string(100'000, '['),
                              std::string(100'000, '[') + std::string(100'000, ']')};
  for (const std::string& body : rows) {
    BOOST_TEST_CONTEXT(body.substr(0, 40)) {
      const auto read = read_task_request(body);
      BOOST_REQUIRE(!read);
      BOOST_TEST(!read.error().what.empty());
      BOOST_TEST(!read.error().why.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(each_wrong_field_of_the_other_bodies_is_named_by_its_path) {
  const std::string node = std::string(32, '1');
  const std::string instance = std::string(16, '2');
  const std::string measured = R"({"node":")" + node + R"(","reachable":true,"rtt_ms":1,"rtt_error_ms":0.1})";
  const std::string ran = R"({"instance":")" + instance + R"(","epoch":1,"ok":true,"execute_ms":[1.5],"queue_ms":[0]})";
  struct Row {
    enum { measurements, trials, takeover, standby, report } kind;
    std::string body;
    std::string path;  // empty: it is read
  };
  const Row rows[] = {
      {Row::measurements, R"({"nodes":[]})", ""},
      {Row::measurements, R"({"nodes":[)" + measured + "]}", ""},
      {Row::measurements, R"({"nodes":[{"node":")" + node + R"(","reachable":false}]})", ""},
      {Row::measurements, R"({})", "nodes: is missing"},
      {Row::measurements, R"({"nodes":{}})", "nodes: must be a list"},
      {Row::measurements, R"({"nodes":[7]})", "nodes[0]: must be an object"},
      {Row::measurements, R"({"nodes":[)" + measured + "," + measured + "]}", "nodes[1].node: comes twice"},
      {Row::measurements, R"({"nodes":[{"node":"x","reachable":false}]})", "nodes[0].node: must be 32"},
      {Row::measurements, R"({"nodes":[{"node":")" + node + R"(","reachable":true}]})", "nodes[0].rtt_ms: is missing"},
      {Row::measurements, R"({"nodes":[{"node":")" + node + R"(","reachable":true,"rtt_ms":-1,"rtt_error_ms":0}]})",
       "nodes[0].rtt_ms: must be a number"},
      {Row::trials, R"({"trials":[)" + ran + "]}", ""},
      {Row::trials, R"({"trials":[{"instance":")" + instance + R"(","epoch":1,"ok":false,"reason":"trap"}]})", ""},
      {Row::trials, R"({"trials":[{"instance":")" + instance + R"(","epoch":0,"ok":false}]})", "trials[0].epoch: must be"},
      {Row::trials, R"({"trials":[{"instance":")" + instance + R"(","epoch":1,"ok":true}]})",
       "trials[0].execute_ms: must have one figure"},
      {Row::trials, R"({"trials":[{"instance":")" + instance + R"(","epoch":1,"ok":true,"execute_ms":[1,2,3,4]}]})",
       "trials[0].execute_ms: has 4 elements"},
      {Row::trials, R"({"trials":[{"instance":")" + instance + R"(","epoch":1,"ok":true,"execute_ms":["a"]}]})",
       "trials[0].execute_ms[0]: must be a number"},
      {Row::takeover, R"({"epoch":2,"reason":"lost"})", ""},
      {Row::takeover, R"({"epoch":"2"})", "epoch: must be a whole number"},
      {Row::takeover, R"({"epoch":2,"reason":")" + std::string(201, 'x') + "\"}", "reason: must have at most 200"},
      {Row::standby, R"({"epoch":2})", ""},
      {Row::standby, R"({"epoch":4294967296})", "epoch: must be a whole number"},
      {Row::standby, R"({"epoch":2,"reason":"x"})", "reason: is not a field"},
      {Row::report, R"({"frames":30,"late":1,"e2e_p50_ms":7.5,"e2e_p95_ms":9,"network_p50_ms":2})", ""},
      {Row::report, R"({"frames":30})", "late: is missing"},
      {Row::report, R"({"frames":30,"late":1,"e2e_p50_ms":-7})", "e2e_p50_ms: must be a number"},
  };
  const auto why = [](const Row& row) -> std::string {
    const auto of = [](const auto& result) { return result ? std::string() : result.error().why; };
    switch (row.kind) {
      case Row::measurements: return of(read_measurements(row.body));
      case Row::trials: return of(read_trials(row.body));
      case Row::takeover: return of(read_takeover(row.body));
      case Row::standby: return of(read_standby_lost(row.body));
      case Row::report: return of(read_report(row.body));
    }
    return "no such kind";
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.body) {
      if (row.path.empty()) {
        BOOST_TEST(why(row) == "");
      } else {
        BOOST_TEST(why(row).starts_with(row.path), why(row));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_builders_error_becomes_one_line) {
  const auto read = read_build_error(R"({"error":{"what":"cannot build","why":"no on_frame","hint":"export it"}})");
  BOOST_REQUIRE(read);
  BOOST_TEST(*read == "cannot build: no on_frame; export it");
  BOOST_TEST(!read_build_error(R"({"error":"x"})").has_value());
  BOOST_TEST(!read_build_error(R"({"error":{"why":"x"}})").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(writing)

BOOST_AUTO_TEST_CASE(a_decision_is_written_with_names_nulls_and_all_reasons) {
  const NodeId near{{1}};
  const NodeId far{{2}};
  Candidate good{near, "kitchen-router", true, 2.0, 0.1, 100.0, Terms{2, 6, 0.5, 1.5}, 10.0, 0.4, {}, {}};
  Candidate bad;
  bad.node = far;
  bad.name = "phone";
  bad.blocked = {{Constraint::host_function, std::string("vision"), std::string("none")},
                 {Constraint::deadline_ms, 20.0, std::monostate{}}};
  bad.fits_if_deadline_ms = 36;
  TaskView task;
  task.id = {7};
  task.spec.name = "motion";
  const Decision decision{near, std::nullopt, {good, bad}, "kitchen-router is the nearest"};
  const json body = json::parse(explain_body(task, decision, [](const NodeId& id) { return to_text(id); }));
  BOOST_TEST(body.at("schema") == "proxima/v1/explain");
  BOOST_TEST(body.at("first").is_null());
  BOOST_TEST(body.at("truth").is_null());
  const json& written = body.at("decision");
  BOOST_TEST(written.at("placed_on") == "kitchen-router");
  BOOST_TEST(written.at("standby").is_null());
  BOOST_TEST(written.at("candidates").at(0).at("terms_ms").at("transfer") == 6.0);
  BOOST_TEST(written.at("candidates").at(1).at("terms_ms").is_null());
  BOOST_TEST(written.at("candidates").at(1).at("rtt_ms").is_null());
  BOOST_TEST(written.at("candidates").at(1).at("blocked").at(0).at("needed") == "vision");
  BOOST_TEST(written.at("candidates").at(1).at("blocked").at(1).at("had").is_null());
  BOOST_TEST(written.at("candidates").at(1).at("fits_if_deadline_ms") == 36.0);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_utf8_and_figures_that_are_no_numbers_still_make_json) {
  NodeView node;
  node.birth.name = "router\xff\xfe\"\n";
  node.birth.device_class = std::string("a\0b", 3);
  InstanceView instance;
  node.instances.push_back(instance);
  const json body = json::parse(nodes_body({node}, Instant{} + Duration::seconds(1)));
  BOOST_TEST(body.at("nodes").at(0).at("heard_ms_ago") == 1000.0);
  BOOST_TEST(body.at("nodes").at(0).at("instances").at(0).at("state") == "wanted");

  TaskView task;
  task.truth = ClientReport{};
  task.truth->e2e_p50_ms = std::numeric_limits<double>::quiet_NaN();
  const json explained = json::parse(explain_body(task, {}, [](const NodeId&) { return std::string(); }));
  BOOST_TEST(explained.at("truth").at("e2e_p50_ms").is_null());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(origin)

BOOST_AUTO_TEST_CASE(only_this_machines_own_requests_are_served) {
  struct Row {
    const char* host;
    const char* origin;
    const char* site;
    bool served;
  };
  const Row rows[] = {
      {"127.0.0.1:8080", "", "", true},
      {"localhost:8080", "", "", true},
      {"127.0.0.1", "", "", true},
      {"127.0.0.1:8080", "http://127.0.0.1:8080", "same-origin", true},
      {"127.0.0.1:8080", "", "none", true},
      {"", "", "", false},
      {"evil.example:8080", "", "", false},
      {"127.0.0.1:8080.evil.example", "", "", false},
      {"127.0.0.1:9090", "", "", true},
      {"127.0.0.1:8080", "http://evil.example", "", false},
      {"127.0.0.1:8080", "http://127.0.0.1:9090", "", false},
      {"127.0.0.1:8080", "https://127.0.0.1:8080", "", false},
      {"127.0.0.1:8080", "null", "", false},
      {"127.0.0.1:8080", "", "cross-site", false},
      {"127.0.0.1:8080", "", "same-site", false},
  };
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT("Host " << row.host << ", Origin " << row.origin << ", Sec-Fetch-Site " << row.site) {
      io::HttpRequest request;
      if (*row.host != '\0') request.headers["host"] = row.host;
      if (*row.origin != '\0') request.headers["origin"] = row.origin;
      if (*row.site != '\0') request.headers["sec-fetch-site"] = row.site;
      BOOST_TEST(foreign_origin(request).empty() == row.served);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator

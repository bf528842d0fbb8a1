// A client's whole conversation over HTTP, with agents that do as the coordinator wishes.
#include <algorithm>
#include <set>

#include <boost/test/unit_test.hpp>

#include "tests/integration/coordinator/rig.hpp"

namespace proxima::tests {
namespace {

using nlohmann::json;

// Two nodes of which `near` is better by far, and a module that is built.
struct Placement {
  Region region;
  io::Loop loop;
  Agent near{loop, region, {"near", 1, {}, 1000}};
  Agent far{loop, region, {"far", 2, {}, 1000}};
  std::string module;

  Placement() {
    BOOST_REQUIRE(region.wait_for_broker());
    BOOST_REQUIRE(near.join());
    BOOST_REQUIRE(far.join());
    module = region.put_blob("the module's bytes");
  }

  Agent& agent(const std::string& name) { return name == "near" ? near : far; }

  json accepted(bool dry_run = false) {
    json request = task_request(module);
    request["dry_run"] = dry_run;
    const Answer answer = region.post("/v1/tasks", request);
    BOOST_REQUIRE_MESSAGE(answer.status == 201, answer.body);
    build_all();
    return answer.json();
  }

  // Does the builder's part: makes every object that is asked for.
  void build_all() {
    while (true) {
      const Answer job = region.get("/v1/builds/next");
      if (job.status != 200) break;
      const std::string id = job.json().at("build");
      const Answer done = region.ask({"POST", "/v1/builds/" + id, "native code", {{"Content-Type", "application/octet-stream"}}});
      BOOST_REQUIRE_MESSAGE(done.status == 200, done.body);
    }
  }

  json measured(const json& task) {
    json nodes = json::array();
    for (const json& target : task.at("targets")) {
      const double rtt_ms = target.at("name") == "near" ? 2 : 12;
      nodes.push_back({{"node", target.at("node")}, {"reachable", true}, {"rtt_ms", rtt_ms}, {"rtt_error_ms", 0.1},
                       {"rate_mbit", 500}, {"rate_error_mbit", 5}});
    }
    const Answer answer = region.post("/v1/tasks/" + id_of(task) + "/measurements", {{"nodes", nodes}});
    BOOST_REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return answer.json();
  }

  json tried(const json& wanted) {
    json trials = json::array();
    for (const json& grant : wanted.at("trials")) {
      trials.push_back({{"instance", grant.at("instance")}, {"epoch", grant.at("epoch")}, {"ok", true},
                        {"execute_ms", {3.0, 3.1, 2.9}}, {"queue_ms", {0.1, 0.1, 0.1}}});
    }
    const Answer answer = region.post("/v1/tasks/" + id_of(wanted) + "/trials", {{"trials", trials}});
    BOOST_REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return answer.json();
  }

  json placed() { return tried(measured(accepted())); }

  static std::string id_of(const json& task) { return task.at("task"); }
};

const protocol::DesiredInstance* find(const protocol::Desired& desired, protocol::Role role) {
  const auto found = std::find_if(desired.instances.begin(), desired.instances.end(),
                                  [role](const protocol::DesiredInstance& instance) { return instance.role == role; });
  return found == desired.instances.end() ? nullptr : &*found;
}

BOOST_AUTO_TEST_SUITE(placement)

BOOST_FIXTURE_TEST_CASE(a_task_is_measured_tried_and_placed_and_its_nodes_are_told, Placement) {
  const json task = accepted();
  BOOST_TEST(task.at("schema") == "proxima/v1/task-accepted");
  BOOST_REQUIRE(task.at("targets").size() == 2U);
  std::set<std::string> echoes;
  for (const json& target : task.at("targets")) echoes.insert(target.at("echo").get<std::string>());
  BOOST_TEST((echoes == std::set<std::string>{"127.0.0.1:5101", "127.0.0.1:5102"}));

  const json wanted = measured(task);
  BOOST_TEST(wanted.at("schema") == "proxima/v1/trials-wanted");
  BOOST_REQUIRE(!wanted.at("trials").empty());
  for (const json& grant : wanted.at("trials")) {
    BOOST_TEST(grant.at("role") == "trial");
    BOOST_TEST(agent(grant.at("name")).wait_for_desired([](const auto& desired) {
      return find(desired, protocol::Role::trial) != nullptr;
    }));
  }

  const json decided = tried(wanted);
  BOOST_TEST(decided.at("schema") == "proxima/v1/task");
  BOOST_TEST(decided.at("state") == "placed");
  BOOST_TEST(decided.at("serving").at("name") == "near");
  BOOST_TEST(decided.at("standby").at("name") == "far");
  BOOST_TEST(decided.at("decision").at("placed_on") == "near");
  BOOST_TEST(decided.at("decision").at("standby") == "far");
  BOOST_TEST(decided.at("decision").at("candidates").size() == 2U);
  const std::uint32_t epoch = decided.at("epoch");
  BOOST_TEST(decided.at("serving").at("epoch") == epoch);
  BOOST_TEST(decided.at("standby").at("epoch").get<std::uint32_t>() > epoch);

  BOOST_TEST(near.wait_for_desired([&](const auto& desired) {
    const auto* serving = find(desired, protocol::Role::serving);
    return serving != nullptr && serving->epoch.value == epoch && to_text(serving->module) == module;
  }));
  BOOST_TEST(far.wait_for_desired([&](const auto& desired) {
    const auto* standby = find(desired, protocol::Role::standby);
    return standby != nullptr && standby->epoch.value > epoch;
  }));
  for (const Agent* told : {&near, &far}) {
    std::uint64_t generation = 0;
    for (const protocol::Desired& desired : told->desired()) {
      BOOST_TEST(desired.term == 1U);
      BOOST_TEST(desired.generation > generation);
      generation = desired.generation;
    }
  }
  BOOST_TEST(eventually([&] {
    const json instances = region.node("near").at("instances");
    return instances.size() == 1 && instances[0].at("state") == "ready" && instances[0].at("worker_pid") == 777 &&
           instances[0].at("role") == "serving";
  }));

  const json explained = region.get("/v1/tasks/" + id_of(task) + "/explain").json();
  BOOST_TEST(explained.at("schema") == "proxima/v1/explain");
  BOOST_TEST(explained.at("first").at("placed_on") == "near");
  BOOST_TEST(explained.at("decision").at("candidates").size() == 2U);
  BOOST_TEST(explained.at("truth").is_null());

  const Answer reported = region.post("/v1/tasks/" + id_of(task) + "/report",
                                      {{"frames", 30}, {"late", 1}, {"e2e_p50_ms", 6.5}, {"e2e_p95_ms", 8}, {"network_p50_ms", 2.5}});
  BOOST_TEST(reported.status == 200);
  BOOST_TEST(region.get("/v1/tasks/" + id_of(task) + "/explain").json().at("truth").at("e2e_p95_ms") == 8.0);
  BOOST_TEST(region.get("/v1/tasks").json().at("tasks").size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_takeover_is_ratified_once_and_the_stream_of_events_tells_it, Placement) {
  const json decided = placed();
  const std::string path = "/v1/tasks/" + id_of(decided);
  Connection stream(region.port());
  stream.send({"GET", path + "/events", "", {}});
  BOOST_REQUIRE(stream.answer().status == 200);
  const auto first = stream.event();
  BOOST_REQUIRE(first.has_value());
  BOOST_TEST(first->event == "task");
  BOOST_TEST(first->data.at("serving").at("name") == "near");

  const std::uint32_t standby_epoch = decided.at("standby").at("epoch");
  const json takeover = {{"epoch", standby_epoch}, {"reason", "no pong for 150 ms"}};
  const Answer taken = region.post(path + "/takeover", takeover);
  BOOST_REQUIRE_MESSAGE(taken.status == 200, taken.body);
  BOOST_TEST(taken.json().at("serving").at("name") == "far");
  BOOST_TEST(taken.json().at("epoch") == standby_epoch);
  BOOST_REQUIRE(taken.json().at("moves").size() == 1U);
  const json move = taken.json().at("moves").at(0);
  BOOST_TEST(move.at("from") == "near");
  BOOST_TEST(move.at("to") == "far");
  BOOST_TEST(move.at("reason").get<std::string>().find("no pong") != std::string::npos);
  BOOST_TEST(move.at("t_ms").get<double>() >= 0.0);

  const Answer again = region.post(path + "/takeover", takeover);
  BOOST_TEST(again.status == 200);
  BOOST_TEST(again.json().at("moves").size() == 1U);

  json seen = first->data;
  while (seen.at("epoch") != standby_epoch) {
    const auto event = stream.event();
    BOOST_REQUIRE(event.has_value());
    BOOST_TEST(event->data.at("epoch").get<std::uint32_t>() >= seen.at("epoch").get<std::uint32_t>());
    seen = event->data;
  }
  BOOST_TEST(seen.at("serving").at("name") == "far");
  BOOST_TEST(far.wait_for_desired([&](const auto& desired) {
    const auto* serving = find(desired, protocol::Role::serving);
    return serving != nullptr && serving->epoch.value == standby_epoch;
  }));
}

BOOST_FIXTURE_TEST_CASE(a_stopped_task_is_taken_off_its_nodes_and_its_stream_says_so, Placement) {
  const json decided = placed();
  const std::string path = "/v1/tasks/" + id_of(decided);
  Connection stream(region.port());
  stream.send({"GET", path + "/events", "", {}});
  BOOST_REQUIRE(stream.answer().status == 200);
  const Answer stopped = region.ask({"DELETE", path, "", {}});
  BOOST_TEST(stopped.status == 200);
  BOOST_TEST(stopped.json().at("state") == "stopped");
  std::string state;
  while (state != "stopped") {
    const auto event = stream.event();
    BOOST_REQUIRE(event.has_value());
    state = event->data.at("state");
  }
  BOOST_TEST(near.wait_for_desired([](const auto& desired) { return desired.instances.empty(); }));
  BOOST_TEST(far.wait_for_desired([](const auto& desired) { return desired.instances.empty(); }));
  BOOST_TEST(region.ask({"DELETE", path, "", {}}).json().at("state") == "stopped");
}

BOOST_FIXTURE_TEST_CASE(a_plan_is_judged_and_leaves_nothing_running, Placement) {
  const json decided = tried(measured(accepted(true)));
  BOOST_REQUIRE(decided.at("decision").is_object());
  BOOST_TEST(decided.at("decision").at("placed_on") == "near");
  BOOST_TEST(near.wait_for_desired([](const auto& desired) { return desired.instances.empty(); }));
  BOOST_TEST(far.wait_for_desired([](const auto& desired) { return desired.instances.empty(); }));
}

BOOST_FIXTURE_TEST_CASE(a_task_no_node_can_serve_is_refused_with_every_reason, Placement) {
  json request = task_request(module);
  request["spec"]["functions"] = {"vision"};
  const Answer accepted_answer = region.post("/v1/tasks", request);
  BOOST_REQUIRE(accepted_answer.status == 201);
  const json task = accepted_answer.json();
  for (const json& target : task.at("targets")) BOOST_TEST(target.at("transfer_useful") == false);
  const json decided = tried(measured(task));
  BOOST_TEST(decided.at("state") == "refused");
  BOOST_TEST(decided.at("serving").is_null());
  BOOST_TEST(!decided.at("reason").get<std::string>().empty());
  for (const json& candidate : decided.at("decision").at("candidates")) {
    BOOST_TEST(candidate.at("feasible") == false);
    BOOST_TEST(candidate.at("blocked").at(0).at("what") == "host_function");
  }
}

BOOST_FIXTURE_TEST_CASE(a_module_that_is_not_here_is_asked_for, Placement) {
  const std::string absent(64, 'd');
  const Answer answer = region.post("/v1/tasks", task_request(absent));
  BOOST_TEST(answer.status == 409);
  BOOST_TEST(answer.json().at("error").at("hint") == "PUT it to /v1/blobs/" + absent + " first");
  BOOST_TEST(region.get("/v1/tasks").json().at("tasks").empty());
}

BOOST_FIXTURE_TEST_CASE(each_start_has_a_higher_term_in_what_it_sends, Placement) {
  placed();
  BOOST_REQUIRE(near.wait_for_desired([](const auto& desired) { return desired.term == 1; }));
  region.program().signal(SIGKILL);
  BOOST_REQUIRE(region.program().wait().has_value());
  region.start();
  BOOST_REQUIRE(region.wait_for_node("near", "present"));
  tried(measured(accepted()));
  BOOST_TEST(near.wait_for_desired([](const auto& desired) { return desired.term == 2 && !desired.instances.empty(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::tests

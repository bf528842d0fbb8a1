// The judge of the demo, by tables: gaps, what is inside them, and each check failing for its own reason.
#include <fstream>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "sdk/cli/demo/judge.hpp"
#include "sdk/cli/demo/run.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace proxima::demo;
using nlohmann::json;

FrameRow frame(std::int64_t sequence, double submit_ms, std::optional<double> arrival_ms, const std::string& node, const std::string& status = "ok") {
  FrameRow row;
  row.sequence = sequence;
  row.submit_ms = submit_ms;
  row.arrival_ms = arrival_ms;
  row.node = node;
  row.status = status;
  row.attempts = 1;
  row.items = json::array();
  return row;
}

json candidate(const std::string& name, double predicted, double error = 0.1, bool feasible = true) {
  return {{"node", name}, {"feasible", feasible}, {"predicted_ms", feasible ? json(predicted) : json()}, {"predicted_error_ms", feasible ? json(error) : json()}};
}

/// Ten frames a second for three seconds on "near", killed at 1 s; "far" goes on after 12 ms.
JudgeInput good_run() {
  JudgeInput input;
  for (int i = 0; i < 30; ++i) {
    const double at = 1000 + i * 100.0;
    input.rows["motion"].push_back(frame(i + 1, at, at + 6, at < 2000 ? "near" : "far"));
  }
  input.rows["motion"][10].arrival_ms = 2012;
  input.tasks = json::array({{{"task", "motion"}, {"deadline_ms", 20}, {"placed_on", "near"}, {"duplicates", 0}, {"out_of_order", 0}, {"sent_bytes", 30000},
                              {"stale_refused", 0}, {"moves", json::array({{{"from", "near"}, {"to", "far"}}})},
                              {"candidates", json::array({candidate("near", 5), candidate("far", 9), candidate("off", 0, 0, false)})}}});
  input.faults = {{"node", "near", 2000, {"motion"}}};
  input.origin_ms = 1000;
  return input;
}

std::vector<std::string> failed_checks(const Verdict& verdict) {
  std::vector<std::string> out;
  for (const json& check : verdict.checks)
    if (check.at("ok") == false) out.push_back(check.at("name").get<std::string>());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_good_run_passes_every_check) {
  const Verdict verdict = judge(good_run());
  BOOST_TEST(verdict.ok, verdict.checks.dump());
  BOOST_TEST(verdict.faults.size() == 1U);
  BOOST_TEST(verdict.faults[0].at("gap_ms") == 12.0);
  BOOST_TEST(verdict.faults[0].at("t_ms") == 1000.0);
  BOOST_TEST(verdict.faults[0].at("moved_to") == "far");
  BOOST_TEST(verdict.faults[0].at("frames_lost") == 0);
}

BOOST_AUTO_TEST_CASE(each_fault_of_a_run_fails_its_own_check) {
  const struct {
    const char* name;
    std::function<void(JudgeInput&)> spoil;
    std::vector<std::string> fails;
  } rows[] = {
      {"placed elsewhere", [](JudgeInput& in) { in.tasks[0]["placed_on"] = "far"; }, {"motion.placed"}},
      {"three late outside the gap", [](JudgeInput& in) { for (const int i : {0, 3, 20}) *in.rows["motion"][static_cast<std::size_t>(i)].arrival_ms += 30; }, {"motion.in_time"}},
      {"two late outside the gap are allowed", [](JudgeInput& in) { for (const int i : {0, 20}) *in.rows["motion"][static_cast<std::size_t>(i)].arrival_ms += 30; }, {}},
      {"lost outside a gap", [](JudgeInput& in) { in.rows["motion"][20] = frame(21, 3000, {}, "", "lost"); }, {"motion.lost_outside_faults"}},
      {"lost long before the fault", [](JudgeInput& in) { in.rows["motion"].insert(in.rows["motion"].begin(), frame(0, -500, {}, "", "lost")); }, {"motion.lost_outside_faults"}},
      {"one lost in the gap is allowed", [](JudgeInput& in) { in.rows["motion"][10] = frame(11, 2000, {}, "", "lost"); }, {}},
      {"two lost in the gap", [](JudgeInput& in) { for (const int i : {10, 11}) in.rows["motion"][static_cast<std::size_t>(i)] = frame(i + 1, 1000 + i * 100.0, {}, "", "lost"); }, {"node.motion.frames_lost"}},
      {"came twice", [](JudgeInput& in) { in.tasks[0]["duplicates"] = 1; }, {"motion.duplicates"}},
      {"out of order", [](JudgeInput& in) { in.tasks[0]["out_of_order"] = 1; }, {"motion.out_of_order"}},
      {"moved without a fault", [](JudgeInput& in) { in.tasks[0]["moves"].push_back({{"from", "far"}, {"to", "near"}}); }, {"motion.moves_without_fault"}},
      {"sent to both", [](JudgeInput& in) { for (FrameRow& row : in.rows["motion"]) row.attempts = 2; in.tasks[0]["sent_bytes"] = 60000; }, {"motion.payload_bytes"}},
      {"nothing after the kill", [](JudgeInput& in) { for (std::size_t i = 10; i < 30; ++i) in.rows["motion"][i] = frame(static_cast<std::int64_t>(i) + 1, 1000 + 100.0 * static_cast<double>(i), {}, "", "lost"); }, {"node.motion.went_on", "node.motion.frames_lost"}},
      {"a node that does not come back", [](JudgeInput& in) { in.not_back = {"near"}; }, {"rejoined"}},
      {"a silence that is too long", [](JudgeInput& in) { in.faults[0].what = "node_silent"; in.tasks[0]["stale_refused"] = 1; in.rows["motion"][10].arrival_ms = 2301; }, {"node_silent.motion.gap_ms"}},
      {"an old epoch never refused", [](JudgeInput& in) { in.faults[0].what = "node_silent"; }, {"stale_refused"}},
  };
  for (const auto& row : rows) {
    JudgeInput input = good_run();
    row.spoil(input);
    const Verdict verdict = judge(input);
    BOOST_TEST(failed_checks(verdict) == row.fails, row.name << ": " << verdict.checks.dump());
    BOOST_TEST(verdict.ok == row.fails.empty(), row.name);
  }
}

BOOST_AUTO_TEST_CASE(an_answer_under_way_at_the_fault_ends_the_gap_but_is_no_move) {
  JudgeInput input = good_run();
  input.rows["motion"][10].arrival_ms = 2001.5;
  input.rows["motion"][10].node = "near";
  const std::vector<Gap> gaps = find_gaps(input.rows, input.faults);
  BOOST_TEST_REQUIRE(gaps.size() == 1U);
  BOOST_TEST(*gaps[0].gap_ms == 1.5);
  BOOST_TEST(gaps[0].moved_to == "far");
}

BOOST_AUTO_TEST_CASE(totals_within_the_larger_error_are_equal) {
  const json candidates = json::array({candidate("a", 10, 0.5), candidate("b", 10.4, 0.1), candidate("c", 10.6, 0.1), candidate("d", 11, 2), candidate("e", 1, 1, false)});
  BOOST_TEST((best_nodes(candidates) == std::vector<std::string>{"a", "b", "d"}));
  BOOST_TEST(best_nodes(json::array({candidate("e", 1, 1, false)})).empty());
}

BOOST_AUTO_TEST_CASE(faults_leave_four_seconds_of_calm) {
  for (double seconds = shortest_run_with_faults_s; seconds <= longest_run_with_faults_s; seconds += 1) {
    const FaultPlan plan = plan_faults(seconds);
    BOOST_TEST(plan.kill_s >= 4.0);
    BOOST_TEST(plan.silence_s - plan.kill_s >= 3.0 + 4.0);
    BOOST_TEST(seconds - plan.silence_ends_s >= 4.0);
  }
}

BOOST_AUTO_TEST_CASE(results_that_are_none_are_refused_with_their_line) {
  const proxima::tests::TempDir place;
  const std::string good =
      R"({"task":"m","seq":1,"source_frame":0,"submit_ms":1,"arrival_ms":2,"status":"ok","node":"a","epoch":1,"attempts":1,"input_sha256":"","output_sha256":"","items":[]})";
  std::ofstream(place.file("r.jsonl")) << good << "\n" << "{\"task\":\"m\"}\n";
  const auto read = read_results(place.file("r.jsonl"));
  BOOST_TEST_REQUIRE(!read.has_value());
  BOOST_TEST(read.error().what.find("r.jsonl:2") != std::string::npos);
  BOOST_TEST(!read_results(place.file("absent.jsonl")).has_value());
}

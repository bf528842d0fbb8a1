// The demo as a newcomer runs it, with real programs. Counts, order, placement and moves; never times.
#include <fstream>
#include <set>

#include <boost/test/unit_test.hpp>

#include "tests/e2e/region.hpp"

namespace {

using namespace proxima::tests;
using nlohmann::json;

struct Played {
  int status = 0;
  std::string output;
  json demo;
};

Played play(const TempDir& place, std::vector<std::string> words) {
  words.insert(words.begin(), {program("proxima-demo"), "--headless", "--json", "--out", place.file("out")});
  const Finished finished = run(words, std::chrono::seconds(150));
  return {finished.status, finished.output, last_object(finished.output)};
}

Played play_lab(const std::vector<LabRow>& lab, std::vector<std::string> words = {}) {
  const TempDir place;
  std::ofstream(place.file("lab.toml")) << lab_text(lab);
  words.insert(words.end(), {"--lab", place.file("lab.toml"), "--no-faults", "--seconds", "5"});
  return play(place, std::move(words));
}

/// Placement follows what was measured, and another program may disturb one measuring: a run that is not as wanted is
/// played once more, and the second one is judged.
template <class Play, class Wanted>
Played with_second_chance(const Play& play_once, const Wanted& wanted) {
  Played first = play_once();
  if (first.demo.is_object() && wanted(first.demo)) return first;
  BOOST_TEST_MESSAGE("played once more, since the first run was not as wanted: " << first.output);
  return play_once();
}

const json& task(const json& demo, const std::string& name) {
  for (const json& one : demo.at("tasks"))
    if (one.at("task") == name) return one;
  throw std::runtime_error("no task " + name);
}

bool untimed_checks_hold(const json& demo) {
  for (const json& check : demo.at("checks"))
    if (check.at("timed") == false && check.at("ok") == false) return false;
  return true;
}

bool is_placed(const json& demo, const char* name, const char* wanted) {
  if (wanted == nullptr) return true;
  const json& placed = task(demo, name).at("placed_on");
  return *wanted == '!' ? placed.is_string() && placed != wanted + 1 : placed == wanted;
}

/// Sums, order and every check that does not depend on the machine's speed.
void check_counts(const json& demo) {
  for (const json& one : demo.at("tasks")) {
    BOOST_TEST_CONTEXT(one.at("task")) {
      BOOST_TEST(one.at("frames_sent").get<int>() == one.at("results").get<int>() + one.at("dropped_late").get<int>() +
                                                          one.at("lost").get<int>() + one.at("failed").get<int>());
      BOOST_TEST(one.at("duplicates").get<int>() == 0);
      BOOST_TEST(one.at("out_of_order").get<int>() == 0);
    }
  }
  for (const json& check : demo.at("checks"))
    if (check.at("timed") == false) BOOST_TEST(check.at("ok").get<bool>(), check.dump());
}

}  // namespace

BOOST_AUTO_TEST_CASE(two_devices_are_taken_away_and_the_streams_go_on) {
  const TempDir place;
  const Played played = with_second_chance([&] { return play(place, {"--source", clip(), "--seconds", "24"}); }, [](const json& demo) {
    return task(demo, "motion").at("placed_on") == "kitchen-router" && task(demo, "detect").at("placed_on") == "idle-rig" && untimed_checks_hold(demo);
  });
  BOOST_TEST_REQUIRE(played.demo.is_object(), played.output);
  check_counts(played.demo);
  BOOST_TEST(task(played.demo, "motion").at("placed_on") == "kitchen-router");
  BOOST_TEST(task(played.demo, "detect").at("placed_on") == "idle-rig");
  BOOST_TEST(task(played.demo, "detect").at("items").get<int>() > 0);
  BOOST_TEST(task(played.demo, "motion").at("cloud_e2e_ms").is_object());
  std::set<std::string> faults;
  for (const json& fault : played.demo.at("faults")) faults.insert(fault.at("what").get<std::string>());
  BOOST_TEST((faults == std::set<std::string>{"node", "node_silent"}));
  std::ifstream page(place.file("out/report.html"));
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  for (const char* part : {"<script id=\"demo\" type=\"application/json\">", "id=\"timeline\"", "id=\"decision\"", "id=\"rings\""})
    BOOST_TEST(text.find(part) != std::string::npos, part);
  BOOST_TEST(text.find("@DEMO_JSON@") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(labs_decide_who_runs_what) {
  std::vector<LabRow> shuffled = {{"attic", 20, 500, 256, true}, {"barn", 2, 200, 64, false}, {"cellar", 9, 800, 512, true}, {"den", 30, 5, 256, true}};
  std::vector<LabRow> slow_rig = five_devices();
  slow_rig[3].cpu_percent = 20;
  std::vector<LabRow> slow_router = five_devices();
  slow_router[0].cpu_percent = 5;
  std::vector<LabRow> lossy = five_devices();
  lossy[0].loss_percent = 5;
  const struct {
    const char* name;
    std::vector<LabRow> lab;
    const char* source;
    const char* motion;  // a leading '!' : anywhere else
    const char* detect;
  } rows[] = {
      {"other names, distances and rates", shuffled, "synthetic", "barn", "cellar"},
      {"a rig that gives a fifth of a core", slow_rig, "clip", "kitchen-router", "phone"},
      {"a router that gives a twentieth of a core", slow_router, "clip", "!kitchen-router", "idle-rig"},
      {"one node with 5 % loss", lossy, "clip", nullptr, "idle-rig"},
  };
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      const std::string source = std::string(row.source) == "clip" ? clip() : row.source;
      const auto as_wanted = [&](const json& demo) {
        return is_placed(demo, "motion", row.motion) && is_placed(demo, "detect", row.detect) && untimed_checks_hold(demo);
      };
      const Played played = with_second_chance([&] { return play_lab(row.lab, {"--source", source}); }, as_wanted);
      BOOST_TEST_REQUIRE(played.demo.is_object(), played.output);
      check_counts(played.demo);
      for (const auto& [name, wanted] : {std::pair{"motion", row.motion}, std::pair{"detect", row.detect}})
        BOOST_TEST(is_placed(played.demo, name, wanted), name << ": " << task(played.demo, name).dump());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_placed_is_refused_with_every_reason_and_the_rest_runs) {
  const Played played = play_lab({{"near", 1, 500, 64, false}, {"far", 5, 500, 64, false}});
  BOOST_TEST(played.status == 5);
  BOOST_TEST_REQUIRE(played.demo.is_object(), played.output);
  BOOST_TEST(task(played.demo, "motion").at("placed_on") == "near");
  const json& detect = task(played.demo, "detect");
  BOOST_TEST(detect.at("placed_on").is_null());
  BOOST_TEST(detect.at("candidates").size() == 2U);
  for (const json& one : detect.at("candidates")) {
    BOOST_TEST(!one.at("feasible").get<bool>());
    BOOST_TEST(!one.at("blocked").empty());
    BOOST_TEST(one.at("blocked").at(0).at("what") == "host_function");
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_played_is_refused_with_words) {
  const TempDir place;
  std::ofstream(place.file("text.avi")) << "this is no video\n";
  std::ofstream(place.file("bad.toml")) << "[[node]]\nname = \"a\"\nrtt_ms = 1\ncolour = \"red\"\n";
  std::ofstream(place.file("twice.toml")) << "[[node]]\nname = \"a\"\nrtt_ms = 1\n[[node]]\nname = \"a\"\nrtt_ms = 2\n";
  const struct {
    std::vector<std::string> words;
    int status;
    const char* says;
  } rows[] = {
      {{"--seconds", "10"}, 2, "too short"},
      {{"--source", place.file("none.avi")}, 2, "no such file"},
      {{"--lab", place.file("bad.toml")}, 2, "bad.toml:4:1"},
      {{"--lab", place.file("twice.toml")}, 2, "twice.toml:5"},
      {{"--lab", place.file("absent.toml")}, 2, "absent.toml"},
      {{"--source", place.file("text.avi"), "--no-faults", "--seconds", "3"}, 2, "text.avi"},
  };
  for (const auto& row : rows) {
    const Played played = play(place, row.words);
    BOOST_TEST(played.status == row.status, played.output);
    BOOST_TEST(played.output.find(row.says) != std::string::npos, row.says << " is not in: " << played.output);
  }
}

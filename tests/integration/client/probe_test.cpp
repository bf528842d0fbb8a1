// What a client measures before it has a task placed: round trips, rates, trials. Counts and outcomes, never times.
#include <boost/test/unit_test.hpp>

#include <optional>

#include "sdk/src/echo_probe.hpp"
#include "sdk/src/statistics.hpp"
#include "sdk/src/transfer_probe.hpp"
#include "sdk/src/trial_runner.hpp"
#include "tests/integration/client/scripted_agent.hpp"
#include "tests/support/run_loop.hpp"

namespace proxima::client {

namespace {

struct Bench {
  io::Loop loop;
  io::ZmqContext context;
};

std::vector<EchoFigures> echo_figures(Bench& bench, const std::vector<std::string>& endpoints) {
  std::optional<std::vector<EchoFigures>> figures;
  EchoPlan plan;
  plan.patience = Duration::millis(300);
  EchoProbe probe(bench.loop, endpoints, plan, [&](const std::vector<EchoFigures>& out) { figures = out; });
  BOOST_REQUIRE(tests::run_until(bench.loop, [&] { return figures.has_value(); }));
  return *figures;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(probes)

BOOST_AUTO_TEST_CASE(the_figures_of_samples_are_robust) {
  BOOST_TEST(spread_of({1, 2, 3, 4, 100}).median == 3);
  BOOST_TEST(spread_of({1, 2, 3, 4, 100}).error == 1.48);
  BOOST_TEST(spread_of({1, 3}).median == 2);
  BOOST_TEST(spread_of({}).median == 0);
  BOOST_TEST(percentile({5, 1, 4, 2, 3}, 50) == 3);
  BOOST_TEST(percentile({5, 1, 4, 2, 3}, 95) == 5);
  BOOST_TEST(percentile({7}, 1) == 7);
  BOOST_TEST(percentile({}, 50) == 0);
}

BOOST_AUTO_TEST_CASE(several_nodes_are_measured_at_once_and_each_with_seven_answers) {
  Bench bench;
  ScriptedAgent a(bench.loop, bench.context, 1);
  ScriptedAgent b(bench.loop, bench.context, 2);
  const auto figures = echo_figures(bench, {a.echo_endpoint(), b.echo_endpoint()});
  BOOST_REQUIRE_EQUAL(figures.size(), 2);
  for (const EchoFigures& one : figures) {
    BOOST_TEST(one.reachable);
    BOOST_TEST(one.answers == 7);
    BOOST_TEST(one.rtt_ms > 0);
    BOOST_TEST(one.error_ms >= 0.1);
  }
  BOOST_TEST(a.echoes == 7);
}

BOOST_AUTO_TEST_CASE(lost_probes_are_tolerated_and_not_repeated_beyond_need) {
  Bench bench;
  ScriptedAgent every_other(bench.loop, bench.context, 1);
  every_other.echo_answers = [](int n) { return n % 2 == 0; };
  ScriptedAgent one_lost(bench.loop, bench.context, 2);
  one_lost.echo_answers = [](int n) { return n != 3; };
  const auto figures = echo_figures(bench, {every_other.echo_endpoint(), one_lost.echo_endpoint()});
  BOOST_TEST(figures[0].reachable);
  BOOST_TEST(figures[0].answers >= 5);
  BOOST_TEST(every_other.echoes <= 20);
  BOOST_TEST(figures[1].answers >= 6);
}

BOOST_AUTO_TEST_CASE(a_node_that_never_answers_is_unreachable_and_holds_up_nobody) {
  Bench bench;
  ScriptedAgent mute(bench.loop, bench.context, 1);
  mute.echo_answers = [](int) { return false; };
  ScriptedAgent fine(bench.loop, bench.context, 2);
  const auto figures = echo_figures(bench, {mute.echo_endpoint(), fine.echo_endpoint(), "not an address"});
  BOOST_TEST(!figures[0].reachable);
  BOOST_TEST(figures[1].reachable);
  BOOST_TEST(!figures[2].reachable);
}

BOOST_AUTO_TEST_CASE(a_rate_is_measured_with_one_small_and_three_whole_frames) {
  Bench bench;
  ScriptedAgent agent(bench.loop, bench.context, 1);
  std::optional<RateFigures> rate;
  bool done = false;
  TransferPlan plan;
  plan.frame_bytes = 76'800;
  TransferProbe probe(bench.loop, bench.context, agent.grant("a").frames, plan, [&](const auto& figures) {
    rate = figures;
    done = true;
  });
  BOOST_REQUIRE(tests::run_until(bench.loop, [&] { return done; }));
  BOOST_REQUIRE(rate.has_value());
  BOOST_TEST(rate->rate_mbit > 0);
  BOOST_TEST(rate->error_mbit >= 0.02 * rate->rate_mbit * 0.999);
  const std::vector<std::uint32_t> expected{8192, 76'800, 76'800, 76'800};
  BOOST_TEST(agent.transfers == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_line_on_which_a_frame_would_take_too_long_is_judged_by_the_small_one) {
  Bench bench;
  ScriptedAgent agent(bench.loop, bench.context, 1);
  bool done = false;
  TransferPlan plan;
  plan.frame_bytes = 76'800;
  plan.longest_ms = 0.001;
  std::optional<RateFigures> rate;
  TransferProbe probe(bench.loop, bench.context, agent.grant("a").frames, plan, [&](const auto& figures) {
    rate = figures;
    done = true;
  });
  BOOST_REQUIRE(tests::run_until(bench.loop, [&] { return done; }));
  BOOST_TEST(rate.has_value());
  BOOST_TEST(agent.transfers.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_transfer_that_nobody_answers_ends_without_a_figure) {
  Bench bench;
  ScriptedAgent agent(bench.loop, bench.context, 1);
  agent.silent = true;
  bool done = false;
  TransferPlan plan;
  plan.frame_bytes = 1000;
  plan.patience = Duration::millis(200);
  TransferProbe probe(bench.loop, bench.context, agent.grant("a").frames, plan, [&](const auto& figures) {
    BOOST_TEST(!figures.has_value());
    done = true;
  });
  BOOST_TEST(tests::run_until(bench.loop, [&] { return done; }));
}

struct TrialRow {
  const char* name;
  int not_ready;
  std::string failure;
  std::uint32_t execute_us;
  bool ok;
  std::size_t runs;
  std::string reason;
};

BOOST_AUTO_TEST_CASE(a_trial_waits_for_the_instance_and_runs_the_frame_three_times) {
  const TrialRow rows[] = {{"ready at once", 0, "", 1500, true, 3, ""},
                           {"ready after a while", 3, "", 1500, true, 3, ""},
                           {"slow: once is enough", 0, "", 500'000, true, 1, ""},
                           {"the task fails", 0, "returned 7", 1500, false, 0, "returned 7"}};
  for (const TrialRow& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Bench bench;
      ScriptedAgent agent(bench.loop, bench.context, 1);
      agent.not_ready = row.not_ready;
      agent.failure = row.failure;
      agent.execute_us = row.execute_us;
      const std::vector<std::uint8_t> bytes(5000, 7);
      const FrameView frame{bytes, Format::grey8, 100, 50};
      std::optional<Trial> trial;
      TrialRunner runner(bench.loop, bench.context, agent.grant("a"), frame, {}, [&](const Trial& out) { trial = out; });
      BOOST_REQUIRE(tests::run_until(bench.loop, [&] { return trial.has_value(); }));
      BOOST_TEST(trial->ok == row.ok);
      BOOST_TEST(trial->execute_ms.size() == row.runs);
      BOOST_TEST(trial->reason == row.reason);
      BOOST_TEST(agent.hellos == row.not_ready + 1);
      for (const protocol::Frame& sent : agent.frames) BOOST_TEST(sent.trial);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_trial_on_a_node_that_never_gets_ready_says_so) {
  Bench bench;
  ScriptedAgent agent(bench.loop, bench.context, 1);
  agent.not_ready = 1'000'000;
  const std::vector<std::uint8_t> bytes(10, 7);
  TrialPlan plan;
  plan.ready_patience = Duration::millis(300);
  std::optional<Trial> trial;
  TrialRunner runner(bench.loop, bench.context, agent.grant("a"), FrameView{bytes}, plan,
                     [&](const Trial& out) { trial = out; });
  BOOST_REQUIRE(tests::run_until(bench.loop, [&] { return trial.has_value(); }));
  BOOST_TEST(!trial->ok);
  BOOST_TEST(trial->reason == "timed out: the instance did not get ready");
  BOOST_TEST(agent.frames.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::client

// A stream over real sockets to agents that follow a script: results, a death, a silence, late results of an old epoch.
#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

#include "sdk/src/stream_driver.hpp"
#include "tests/integration/client/scripted_agent.hpp"
#include "tests/support/run_loop.hpp"

namespace proxima::client {

namespace {

/// A driver between two agents, near (epoch 1) and far (epoch 2).
class Streaming {
 public:
  Streaming() : near(std::make_unique<ScriptedAgent>(loop, context, 1)), far(std::make_unique<ScriptedAgent>(loop, context, 2)) {
    StreamHooks hooks;
    hooks.on_result = [this](const FrameResult& result) {
      results.push_back(result);
      outputs.emplace_back(result.output.begin(), result.output.end());
    };
    hooks.on_event = [this](const StreamEvent& event) { events.push_back(event); };
    hooks.on_ended = [](std::uint32_t) {};
    hooks.takeover = [this](Epoch to, const std::string&) { reported.push_back(to.value); };
    hooks.standby_lost = [this](Epoch epoch) { standbys_lost.push_back(epoch.value); };
    hooks.ask_task = [this] { ++asked; };
    hooks.report = [](const Report&) {};
    hooks.stats = [this](const StreamStats& now) { stats = now; };
    stream::StreamOptions options;
    options.deadline = Duration::seconds(30);
    driver = std::make_unique<StreamDriver>(loop, context, options, hooks);
    TaskInfo task;
    task.state = "placed";
    task.serving = near->grant("near");
    task.standby = far->grant("far");
    driver->update(task);
    BOOST_REQUIRE(until([this] { return has(StreamEventKind::opened) && has(StreamEventKind::standby_ready); }));
  }

  bool until(const std::function<bool()>& condition) { return tests::run_until(loop, condition); }
  bool has(StreamEventKind kind) const {
    for (const StreamEvent& event : events)
      if (event.kind == kind) return true;
    return false;
  }
  void submit(std::uint64_t sequence) {
    Submission one;
    one.payload = std::make_shared<const std::vector<std::uint8_t>>(100, static_cast<std::uint8_t>(sequence));
    one.frame.sequence = sequence;
    one.frame.bytes = 100;
    one.frame.at = io::Loop::now();
    driver->submit(std::move(one));
  }

  io::Loop loop;
  io::ZmqContext context;
  std::unique_ptr<ScriptedAgent> near;
  std::unique_ptr<ScriptedAgent> far;
  std::vector<FrameResult> results;
  std::vector<std::vector<std::uint8_t>> outputs;
  std::vector<StreamEvent> events;
  std::vector<std::uint32_t> reported;
  std::vector<std::uint32_t> standbys_lost;
  int asked = 0;
  StreamStats stats;
  std::unique_ptr<StreamDriver> driver;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(stream_driver)

BOOST_AUTO_TEST_CASE(results_come_back_in_order_with_their_payloads_and_figures) {
  Streaming s;
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) s.submit(sequence);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 20; }));
  for (std::size_t i = 0; i < 20; ++i) {
    BOOST_TEST(s.results[i].sequence == i + 1);
    BOOST_TEST((s.results[i].status == FrameStatus::ok));
    BOOST_TEST(s.results[i].node == "near");
    BOOST_TEST(s.results[i].execute_ms == 1.5);
    BOOST_TEST(s.outputs[i] == std::vector<std::uint8_t>(100, static_cast<std::uint8_t>(i + 1)));
  }
  BOOST_TEST(s.stats.sent_bytes == 2000);
  BOOST_TEST(s.far->frames.empty());
}

BOOST_AUTO_TEST_CASE(what_was_in_flight_at_a_broken_connection_is_answered_by_the_standby) {
  Streaming s;
  s.submit(1);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 1; }));
  s.near->silent = true;
  s.submit(2);
  s.submit(3);
  BOOST_REQUIRE(s.until([&] { return s.near->frames.size() == 3; }));
  s.near.reset();
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 3; }));
  BOOST_TEST(s.results[1].node == "far");
  BOOST_TEST(s.results[1].epoch == 2);
  BOOST_TEST(s.results[1].attempts == 2);
  BOOST_REQUIRE_EQUAL(s.far->frames.size(), 2);
  BOOST_TEST(s.far->frames[0].resend);
  BOOST_TEST(s.far->frames[0].sequence == 2);
  BOOST_TEST(s.reported == std::vector<std::uint32_t>{2});
  BOOST_TEST(s.stats.lost == 0);
}

BOOST_AUTO_TEST_CASE(a_silent_agent_is_left_and_what_it_says_later_is_refused) {
  Streaming s;
  s.near->silent = true;
  s.submit(1);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 1; }));
  BOOST_TEST(s.results[0].node == "far");
  BOOST_REQUIRE(s.has(StreamEventKind::takeover));
  s.near->silent = false;
  s.near->speak();
  BOOST_REQUIRE(s.until([&] { return s.stats.stale_refused == 1; }));
  BOOST_TEST(s.results.size() == 1);
  s.submit(2);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 2; }));
  BOOST_TEST(s.results[1].node == "far");
}

BOOST_AUTO_TEST_CASE(a_standby_that_dies_is_reported_and_the_stream_does_not_notice) {
  Streaming s;
  s.far.reset();
  BOOST_REQUIRE(s.until([&] { return !s.standbys_lost.empty(); }));
  s.submit(1);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 1; }));
  BOOST_TEST(s.results[0].node == "near");
  BOOST_TEST(s.standbys_lost == std::vector<std::uint32_t>{2});
  BOOST_TEST(s.reported.empty());
}

BOOST_AUTO_TEST_CASE(a_failure_of_the_task_is_told_and_not_sent_again) {
  Streaming s;
  s.near->failure = "returned 101";
  s.submit(1);
  BOOST_REQUIRE(s.until([&] { return s.results.size() == 1; }));
  BOOST_TEST((s.results[0].status == FrameStatus::failed));
  BOOST_TEST(s.results[0].reason == "returned 101");
  BOOST_TEST(s.near->frames.size() == 1);
  BOOST_TEST(s.far->frames.empty());
}

BOOST_AUTO_TEST_CASE(closing_gives_every_frame_its_outcome) {
  Streaming s;
  s.near->silent = true;
  s.submit(1);
  s.submit(2);
  s.driver->close();
  BOOST_REQUIRE_EQUAL(s.results.size(), 2);
  BOOST_TEST((s.results[0].status == FrameStatus::lost));
  BOOST_TEST(s.stats.unanswered == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::client

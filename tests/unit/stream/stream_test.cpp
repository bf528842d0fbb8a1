// Frames in calm weather: credit, deadlines, outcomes, refusals, greeting.
#include <boost/test/unit_test.hpp>

#include "tests/unit/stream/rig.hpp"

namespace proxima::stream {

using protocol::RefusalCode;
using protocol::ResultStatus;

BOOST_AUTO_TEST_SUITE(calm)

BOOST_AUTO_TEST_CASE(both_sessions_are_opened_and_greeted_at_once) {
  Rig rig;
  rig.handle(TaskUpdated{grant("near", 1), grant("far", 2), false, ""});
  BOOST_REQUIRE_EQUAL(rig.all<OpenSession>().size(), 2);
  BOOST_TEST(rig.all<OpenSession>()[0].endpoint == "127.0.0.1:4001");
  rig.handle(SessionConnected{SessionId{1}});
  rig.handle(SessionConnected{SessionId{2}});
  BOOST_TEST(rig.messages<protocol::Hello>(1) == 1);
  BOOST_TEST(rig.messages<protocol::Hello>(2) == 1);
  rig.welcome(1, 1);
  BOOST_TEST(rig.notes(NoteKind::opened).size() == 1);
  rig.welcome(2, 2);
  BOOST_TEST(rig.notes(NoteKind::standby_ready).size() == 1);
  BOOST_TEST(rig.core.epoch().value == 1);
}

BOOST_AUTO_TEST_CASE(hello_is_said_again_twenty_milliseconds_after_not_ready_and_sooner_than_that_not) {
  Rig rig;
  rig.handle(TaskUpdated{grant("near", 1), std::nullopt, false, ""});
  rig.handle(SessionConnected{SessionId{1}});
  rig.refuse(1, RefusalCode::not_ready);
  rig.clear();
  rig.pass(19);
  BOOST_TEST(rig.messages<protocol::Hello>(1) == 0);
  rig.pass(2);
  BOOST_TEST(rig.messages<protocol::Hello>(1) == 1);
}

BOOST_AUTO_TEST_CASE(an_instance_that_the_agent_has_not_heard_of_yet_is_asked_for_again) {
  Rig rig;
  rig.handle(TaskUpdated{grant("near", 1), std::nullopt, false, ""});
  rig.handle(SessionConnected{SessionId{1}});
  rig.refuse(1, RefusalCode::unknown_instance);
  rig.clear();
  rig.pass(60);
  BOOST_TEST(rig.messages<protocol::Hello>(1) == 1);
  rig.welcome(1, 1);
  BOOST_TEST(rig.core.serving_ready());
}

BOOST_AUTO_TEST_CASE(frames_go_while_there_is_credit_and_wait_beyond_it) {
  Rig rig;
  rig.open(2);
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) rig.submit(sequence);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 2);
  rig.result(1, 1, 1);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 3);
  BOOST_TEST(rig.frames()[2].second.sequence == 3);
  BOOST_TEST(rig.frames()[2].first == 1);
}

BOOST_AUTO_TEST_CASE(the_wire_carries_what_is_left_of_the_deadline) {
  Rig rig(20);
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.pass_answering(15, {1, 2});
  rig.result(1, 1, 1);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 2);
  BOOST_TEST(rig.frames()[0].second.deadline_left_us == 20'000);
  BOOST_TEST(rig.frames()[1].second.deadline_left_us == 5'000);
}

BOOST_AUTO_TEST_CASE(without_a_deadline_the_wire_says_none_and_nothing_is_dropped) {
  Rig rig(std::nullopt);
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.pass_answering(10'000, {1, 2});
  BOOST_TEST(rig.frames()[0].second.deadline_left_us == 0);
  BOOST_TEST(rig.all<FrameEnded>().empty());
  rig.pass_answering(10'001, {1, 2});
  BOOST_TEST(rig.core.counters().lost == 2);
}

BOOST_AUTO_TEST_CASE(a_frame_that_waits_past_its_deadline_is_dropped_and_was_never_sent) {
  Rig rig(20);
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.pass_answering(21, {1, 2});
  BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 1);
  const FrameEnded ended = rig.all<FrameEnded>()[0];
  BOOST_TEST(ended.sequence == 2);
  BOOST_TEST((ended.outcome == Outcome::dropped_late));
  BOOST_TEST(ended.attempts == 0);
}

struct AnswerRow {
  const char* name;
  ResultStatus status;
  double after_ms;
  Outcome outcome;
  bool late;
};

BOOST_AUTO_TEST_CASE(each_answer_of_the_agent_is_one_outcome) {
  const AnswerRow rows[] = {
      {"in time", ResultStatus::ok, 5, Outcome::ok, false},
      {"after the deadline", ResultStatus::ok, 25, Outcome::ok, true},
      {"the task failed", ResultStatus::failed, 5, Outcome::failed, false},
      {"the agent dropped it", ResultStatus::dropped_late, 25, Outcome::dropped_late, false},
  };
  for (const AnswerRow& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Rig rig(20);
      rig.open();
      rig.submit(1);
      rig.pass_answering(row.after_ms, {1, 2});
      rig.result(1, 1, 1, row.status);
      BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 1);
      BOOST_TEST((rig.all<FrameEnded>()[0].outcome == row.outcome));
      BOOST_TEST(rig.all<FrameEnded>()[0].late == row.late);
      BOOST_TEST(rig.core.unanswered() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_answer_for_two_seconds_or_four_deadlines_is_lost) {
  struct Row { double deadline_ms; double lost_ms; };
  for (const Row& row : {Row{20, 2000}, Row{1000, 4000}}) {
    Rig rig(row.deadline_ms);
    rig.open();
    rig.submit(1);
    rig.pass_answering(row.lost_ms - 1, {1, 2});
    BOOST_TEST(rig.all<FrameEnded>().empty());
    rig.pass_answering(2, {1, 2});
    BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 1);
    BOOST_TEST((rig.all<FrameEnded>()[0].outcome == Outcome::lost));
  }
}

BOOST_AUTO_TEST_CASE(a_result_that_comes_twice_is_swallowed_and_counted) {
  Rig rig;
  rig.open();
  rig.submit(1);
  rig.result(1, 1, 1);
  rig.result(1, 1, 1);
  BOOST_TEST(rig.all<FrameEnded>().size() == 1);
  BOOST_TEST(rig.core.counters().duplicates_swallowed == 1);
}

BOOST_AUTO_TEST_CASE(a_result_after_a_later_one_is_discarded_and_its_frame_lost) {
  Rig rig;
  rig.open();
  rig.submit(1);
  rig.submit(2);
  rig.result(1, 1, 2);
  rig.result(1, 1, 1);
  BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 2);
  BOOST_TEST((rig.all<FrameEnded>()[0].outcome == Outcome::ok));
  BOOST_TEST((rig.all<FrameEnded>()[1].outcome == Outcome::lost));
}

BOOST_AUTO_TEST_CASE(a_result_for_a_frame_that_was_never_sent_is_not_believed) {
  Rig rig;
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.result(1, 1, 2);
  rig.result(1, 1, 77);
  BOOST_TEST(rig.all<FrameEnded>().empty());
}

BOOST_AUTO_TEST_CASE(a_frame_that_the_agent_finds_too_large_fails_with_its_reason) {
  Rig rig;
  rig.open();
  rig.submit(1);
  rig.refuse(1, RefusalCode::too_large, 1);
  BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 1);
  BOOST_TEST((rig.all<FrameEnded>()[0].outcome == Outcome::failed));
  BOOST_TEST(rig.all<FrameEnded>()[0].reason == "the frame is too large");
}

BOOST_AUTO_TEST_CASE(a_full_socket_keeps_the_frame_and_tries_again) {
  Rig rig;
  rig.open();
  rig.submit(1);
  rig.handle(SendRefused{SessionId{1}, 1});
  BOOST_TEST(rig.core.counters().sent_bytes == 0);
  rig.clear();
  rig.pass(3);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.core.counters().sent_bytes == 100);
  rig.result(1, 1, 1);
  BOOST_TEST(rig.all<FrameEnded>()[0].attempts == 1);
}

BOOST_AUTO_TEST_CASE(closing_says_bye_and_ends_what_is_unanswered_as_lost) {
  Rig rig;
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.handle(CloseRequested{});
  BOOST_TEST(rig.messages<protocol::Bye>(1) == 1);
  BOOST_TEST(rig.messages<protocol::Bye>(2) == 1);
  BOOST_TEST(rig.all<CloseSession>().size() == 2);
  BOOST_TEST(rig.core.counters().lost == 2);
  rig.submit(3);
  BOOST_TEST(rig.core.counters().lost == 3);
  BOOST_TEST(rig.core.next_deadline().is_never());
}

BOOST_AUTO_TEST_CASE(a_task_that_was_stopped_ends_the_stream) {
  Rig rig;
  rig.open();
  rig.submit(1);
  rig.handle(TaskUpdated{std::nullopt, std::nullopt, true, "stopped by its owner"});
  BOOST_TEST(rig.core.ended());
  BOOST_REQUIRE_EQUAL(rig.notes(NoteKind::ended).size(), 1);
  BOOST_TEST(rig.notes(NoteKind::ended)[0].reason == "stopped by its owner");
  BOOST_TEST(rig.core.counters().lost == 1);
}

BOOST_AUTO_TEST_CASE(messages_of_unknown_sessions_and_other_instances_change_nothing) {
  Rig rig;
  rig.open();
  rig.submit(1);
  const std::uint64_t before = rig.core.digest();
  rig.receive(9, protocol::Pong{1});
  protocol::ResultHeader foreign;
  foreign.instance = InstanceId{999};
  foreign.epoch = Epoch{1};
  foreign.sequence = 1;
  rig.receive(9, foreign);
  BOOST_TEST(rig.core.digest() == before);
  rig.receive(1, foreign);
  BOOST_TEST(rig.all<FrameEnded>().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::stream

// When the serving instance dies, in every way it can; and when the coordinator moves the stream.
#include <boost/test/unit_test.hpp>

#include "tests/unit/stream/rig.hpp"

namespace proxima::stream {

using protocol::RefusalCode;

BOOST_AUTO_TEST_SUITE(takeover)

BOOST_AUTO_TEST_CASE(a_broken_connection_moves_the_stream_in_the_same_step_with_what_was_in_flight) {
  Rig rig(20);
  rig.open();
  rig.submit(1);
  rig.submit(2);
  rig.clear();
  rig.stall(1);
  rig.handle(SessionDisconnected{SessionId{1}});
  const auto sent = rig.frames();
  BOOST_REQUIRE_EQUAL(sent.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(sent[i].first == 2);
    BOOST_TEST(sent[i].second.sequence == i + 1);
    BOOST_TEST(sent[i].second.epoch.value == standby_epoch);
    BOOST_TEST(sent[i].second.resend);
  }
  BOOST_TEST(rig.core.epoch().value == standby_epoch);
  BOOST_REQUIRE_EQUAL(rig.all<ReportTakeover>().size(), 1);
  BOOST_TEST(rig.all<ReportTakeover>()[0].to.value == standby_epoch);
  BOOST_REQUIRE_EQUAL(rig.notes(NoteKind::takeover).size(), 1);
  BOOST_TEST(rig.notes(NoteKind::takeover)[0].resent == 2);
  rig.result(2, standby_epoch, 1);
  BOOST_TEST(rig.all<FrameEnded>()[0].attempts == 2);
}

BOOST_AUTO_TEST_CASE(what_was_in_flight_is_resent_even_past_its_deadline_and_what_waited_is_not) {
  Rig rig(20);
  rig.open(1);
  rig.submit(1);
  rig.submit(2);
  rig.pass_answering(25, {1, 2});
  rig.clear();
  rig.handle(SessionDisconnected{SessionId{1}});
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].second.sequence == 1);
  BOOST_TEST(rig.frames()[0].second.deadline_left_us == 1);
  BOOST_TEST(rig.core.counters().dropped_late == 1);
}

struct RefusalRow {
  const char* name;
  RefusalCode code;
  std::uint64_t sequence;
};

BOOST_AUTO_TEST_CASE(a_refusal_for_good_moves_the_stream) {
  const RefusalRow rows[] = {{"stale, of the session", RefusalCode::stale_epoch, 0},
                             {"stale, of a frame", RefusalCode::stale_epoch, 1},
                             {"unknown", RefusalCode::unknown_instance, 1},
                             {"failed", RefusalCode::failed, 0},
                             {"ticket", RefusalCode::ticket, 0}};
  for (const RefusalRow& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      Rig rig;
      rig.open();
      rig.submit(1);
      rig.clear();
      rig.refuse(1, row.code, row.sequence);
      BOOST_TEST(rig.core.epoch().value == standby_epoch);
      BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
      BOOST_TEST(rig.frames()[0].first == 2);
    }
  }
}

BOOST_AUTO_TEST_CASE(silence_of_a_hundred_and_fifty_milliseconds_moves_the_stream) {
  Rig rig(20);
  rig.open();
  rig.submit(1);
  rig.pass_answering(40, {1, 2});
  rig.result(1, 1, 1);
  rig.submit(2);
  rig.pass_answering(120, {2});
  BOOST_TEST(rig.core.epoch().value == serving_epoch);
  rig.pass_answering(120, {2});
  BOOST_TEST(rig.core.epoch().value == standby_epoch);
  BOOST_REQUIRE_EQUAL(rig.notes(NoteKind::takeover).size(), 1);
  BOOST_TEST(rig.notes(NoteKind::takeover)[0].reason == "near is silent");
}

BOOST_AUTO_TEST_CASE(a_client_that_was_stopped_does_not_blame_the_agent) {
  for (const double stopped_ms : {100.0, 500.0, 60'000.0}) {
    Rig rig(std::nullopt);
    rig.open();
    rig.submit(1);
    rig.pass_answering(60, {1, 2});
    rig.stall(stopped_ms);
    rig.core.on_time(rig.now, rig.effects);
    rig.pass_answering(40, {1, 2});
    rig.pass_answering(400, {1, 2});
    BOOST_TEST(rig.core.epoch().value == serving_epoch);
    BOOST_TEST(rig.core.counters().takeovers == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_client_still_notices_an_agent_that_stays_silent) {
  Rig rig(std::nullopt);
  rig.open();
  rig.submit(1);
  rig.stall(500);
  rig.core.on_time(rig.now, rig.effects);
  rig.pass_answering(300, {2});
  BOOST_TEST(rig.core.epoch().value == standby_epoch);
}

BOOST_AUTO_TEST_CASE(a_slow_line_extends_the_patience_by_what_is_under_way_on_it) {
  for (const bool slow : {false, true}) {
    Rig rig(std::nullopt);
    Grant near = grant("near", 1);
    if (slow) near.transfer = Duration::millis(400);
    rig.handle(TaskUpdated{near, grant("far", 2), false, ""});
    rig.handle(SessionConnected{SessionId{1}});
    rig.handle(SessionConnected{SessionId{2}});
    rig.welcome(1, 1);
    rig.welcome(2, 2);
    rig.submit(1);
    rig.pass_answering(350, {2});
    BOOST_TEST(rig.core.epoch().value == (slow ? serving_epoch : standby_epoch));
  }
}

BOOST_AUTO_TEST_CASE(results_of_the_old_epoch_are_refused_and_counted_for_thirty_seconds) {
  Rig rig(20);
  rig.open();
  rig.submit(1);
  rig.pass_answering(250, {2});
  BOOST_REQUIRE_EQUAL(rig.core.epoch().value, standby_epoch);
  rig.clear();
  rig.pass_answering(5000, {2});
  rig.result(1, serving_epoch, 1);
  BOOST_TEST(rig.core.counters().stale_refused == 1);
  BOOST_REQUIRE_EQUAL(rig.notes(NoteKind::stale_refused).size(), 1);
  BOOST_TEST(rig.notes(NoteKind::stale_refused)[0].sequence == 1);
  for (const FrameEnded& ended : rig.all<FrameEnded>()) BOOST_TEST((ended.outcome == Outcome::lost));
  BOOST_TEST(rig.all<CloseSession>().empty());
  rig.pass_answering(25'000, {2});
  BOOST_REQUIRE_EQUAL(rig.all<CloseSession>().size(), 1);
  BOOST_TEST(rig.all<CloseSession>()[0].session.value == 1);
}

BOOST_AUTO_TEST_CASE(the_resent_frame_is_answered_once_though_both_instances_answer) {
  Rig rig(std::nullopt);
  rig.open();
  rig.submit(1);
  rig.pass_answering(250, {2});
  rig.clear();
  rig.result(1, serving_epoch, 1);
  rig.result(2, standby_epoch, 1);
  BOOST_REQUIRE_EQUAL(rig.all<FrameEnded>().size(), 1);
  BOOST_TEST(rig.all<FrameEnded>()[0].node_name == "far");
}

BOOST_AUTO_TEST_CASE(resends_go_within_the_credit_of_the_standby_and_in_order) {
  Rig rig(std::nullopt);
  rig.handle(TaskUpdated{grant("near", 1), grant("far", 2), false, ""});
  rig.handle(SessionConnected{SessionId{1}});
  rig.handle(SessionConnected{SessionId{2}});
  rig.welcome(1, 1, 4);
  rig.welcome(2, 2, 1);
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) rig.submit(sequence);
  rig.clear();
  rig.handle(SessionDisconnected{SessionId{1}});
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].second.sequence == 1);
  rig.result(2, 2, 1);
  const auto sent = rig.frames();
  BOOST_REQUIRE_EQUAL(sent.size(), 5);
  for (std::size_t i = 0; i < 5; ++i) {
    BOOST_TEST(sent[i].second.sequence == i + 1);
    BOOST_TEST(sent[i].second.resend == (i < 4));
  }
}

BOOST_AUTO_TEST_CASE(a_standby_that_breaks_is_reported_once_and_replaced_when_the_coordinator_names_another) {
  Rig rig;
  rig.open();
  rig.handle(SessionDisconnected{SessionId{2}});
  BOOST_REQUIRE_EQUAL(rig.all<ReportStandbyLost>().size(), 1);
  BOOST_TEST(rig.all<ReportStandbyLost>()[0].epoch.value == standby_epoch);
  rig.pass_answering(10'000, {1});
  BOOST_TEST(rig.all<ReportStandbyLost>().size() == 1);
  rig.clear();
  rig.handle(TaskUpdated{grant("near", 1), grant("third", 3), false, ""});
  BOOST_REQUIRE_EQUAL(rig.all<OpenSession>().size(), 1);
  BOOST_TEST(rig.all<CloseSession>()[0].session.value == 2);
  BOOST_TEST(rig.core.standby_node() == "third");
  BOOST_TEST(rig.core.epoch().value == serving_epoch);
}

BOOST_AUTO_TEST_CASE(a_standby_that_stays_silent_is_reported) {
  Rig rig;
  rig.open();
  rig.pass_answering(2500, {1});
  BOOST_TEST(rig.all<ReportStandbyLost>().size() == 1);
}

BOOST_AUTO_TEST_CASE(with_nobody_left_frames_drop_by_their_deadline_and_the_coordinator_is_asked_again_and_again) {
  Rig rig(20);
  rig.open();
  rig.handle(SessionDisconnected{SessionId{2}});
  rig.submit(1);
  rig.handle(SessionDisconnected{SessionId{1}});
  BOOST_TEST(rig.notes(NoteKind::interrupted).size() == 1);
  rig.submit(2);
  rig.pass(1500);
  BOOST_TEST(rig.core.counters().dropped_late == 1);
  BOOST_TEST(rig.all<AskTask>().size() >= 3);
  BOOST_TEST(rig.core.counters().lost == 0);
  rig.handle(TaskUpdated{grant("third", 3), std::nullopt, false, ""});
  BOOST_TEST(rig.core.epoch().value == serving_epoch);
  rig.handle(SessionConnected{SessionId{3}});
  rig.clear();
  rig.welcome(3, 3);
  BOOST_TEST(rig.core.epoch().value == 3);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].second.sequence == 1);
  BOOST_TEST(rig.frames()[0].second.resend);
}

BOOST_AUTO_TEST_CASE(the_same_instance_may_go_on_after_its_connection_was_mended) {
  Rig rig(std::nullopt);
  rig.handle(TaskUpdated{grant("near", 1), std::nullopt, false, ""});
  rig.handle(SessionConnected{SessionId{1}});
  rig.welcome(1, 1);
  rig.submit(1);
  rig.handle(SessionDisconnected{SessionId{1}});
  rig.clear();
  rig.handle(SessionConnected{SessionId{1}});
  BOOST_TEST(rig.messages<protocol::Hello>(1) == 1);
  rig.welcome(1, 1);
  BOOST_TEST(rig.notes(NoteKind::resumed).size() == 1);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].second.resend);
  rig.result(1, 1, 1);
  BOOST_TEST(rig.core.counters().ok == 1);
}

BOOST_AUTO_TEST_CASE(a_higher_epoch_of_the_coordinator_is_followed_once_it_is_ready) {
  Rig rig(std::nullopt);
  rig.open();
  rig.submit(1);
  rig.clear();
  rig.handle(TaskUpdated{grant("third", 3), grant("fourth", 4), false, ""});
  BOOST_TEST(rig.core.epoch().value == serving_epoch);
  BOOST_TEST(rig.core.standby_node() == "third");
  rig.handle(SessionConnected{SessionId{3}});
  rig.welcome(3, 3);
  BOOST_TEST(rig.core.epoch().value == 3);
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].first == 3);
  BOOST_TEST(rig.notes(NoteKind::move).size() == 1);
  BOOST_TEST(rig.all<ReportTakeover>().empty());
  BOOST_TEST(rig.all<AskTask>().size() == 1);
}

BOOST_AUTO_TEST_CASE(the_coordinator_may_name_the_standby_itself) {
  Rig rig;
  rig.open();
  rig.handle(TaskUpdated{grant("far", standby_epoch), std::nullopt, false, ""});
  BOOST_TEST(rig.core.epoch().value == standby_epoch);
  BOOST_TEST(rig.core.counters().moves == 1);
}

BOOST_AUTO_TEST_CASE(what_the_coordinator_said_before_the_takeover_is_not_obeyed_after_it) {
  Rig rig;
  rig.open();
  rig.handle(SessionDisconnected{SessionId{1}});
  rig.clear();
  rig.handle(TaskUpdated{grant("near", serving_epoch), grant("far", standby_epoch), false, ""});
  BOOST_TEST(rig.core.epoch().value == standby_epoch);
  BOOST_TEST(rig.core.serving_node() == "far");
  BOOST_TEST(rig.all<OpenSession>().empty());
  rig.handle(TaskUpdated{grant("far", standby_epoch), grant("third", 3), false, ""});
  BOOST_TEST(rig.core.standby_node() == "third");
}

BOOST_AUTO_TEST_CASE(two_deaths_in_a_row_are_survived) {
  Rig rig(std::nullopt);
  rig.open();
  rig.submit(1);
  rig.handle(SessionDisconnected{SessionId{1}});
  rig.handle(TaskUpdated{grant("far", 2), grant("third", 3), false, ""});
  rig.handle(SessionConnected{SessionId{3}});
  rig.welcome(3, 3);
  rig.clear();
  rig.handle(SessionDisconnected{SessionId{2}});
  BOOST_REQUIRE_EQUAL(rig.frames().size(), 1);
  BOOST_TEST(rig.frames()[0].first == 3);
  rig.result(3, 3, 1);
  BOOST_TEST(rig.all<FrameEnded>()[0].attempts == 3);
}

BOOST_AUTO_TEST_CASE(an_idle_stream_pings_seldom_and_a_frame_quickens_it) {
  Rig rig;
  rig.open();
  rig.pass_answering(3000, {1, 2});
  rig.clear();
  rig.pass_answering(2000, {1, 2});
  BOOST_TEST(rig.messages<protocol::Ping>(1) <= 5);
  rig.submit(1);
  rig.result(1, 1, 1);
  rig.clear();
  rig.pass_answering(500, {1, 2});
  BOOST_TEST(rig.messages<protocol::Ping>(1) >= 9);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::stream

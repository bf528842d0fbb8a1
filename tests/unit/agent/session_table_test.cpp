#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/session_table.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

using agent::Standing;
using protocol::RefusalCode;
using protocol::Refused;
using protocol::ResultHeader;
using protocol::ResultStatus;
using protocol::Welcome;

constexpr std::uint32_t frame_size = 10;

struct Fixture {
  agent::SessionTable table;
  agent::Effects out;
  Standing ready{Standing::Kind::ready, {3}, {}};
  std::uint64_t tokens = 0;

  Fixture() {
    protocol::InputSpec input;
    input.max_bytes = 1000;
    table.open_lane(key(1, 3), input);
  }
  agent::Effects take() { return std::exchange(out, {}); }
  void greet(const std::string& who, std::int64_t ms = 0) {
    protocol::Hello hello;
    hello.instance = {1};
    hello.epoch = {3};
    table.hello(peer(who), hello, ready, at_ms(ms), out);
  }
  agent::FrameToken send(const std::string& who, const protocol::Frame& sent_frame, std::int64_t ms = 0, std::uint32_t bytes = frame_size) {
    const agent::FrameToken token{++tokens};
    table.frame(peer(who), token, sent_frame, bytes, ready, at_ms(ms), out);
    return token;
  }
  bool finish(agent::FrameToken token, std::int64_t ms, bool ok = true) {
    return table.done({key(1, 3), token, ok, ok ? 0 : -5, 1500, 1200}, at_ms(ms), out);
  }
};

RefusalCode only_refusal(const agent::Effects& effects) {
  const auto refusals = sent<Refused>(effects);
  BOOST_REQUIRE(refusals.size() == 1U);
  return refusals[0].second.code;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(session_table_of_frames, Fixture)

BOOST_AUTO_TEST_CASE(a_hello_is_answered_by_instance_and_epoch) {
  struct Row {
    const char* name;
    Standing standing;
    std::uint32_t asked;
    std::uint16_t version;
    int code;  // 0: welcome
  };
  using Kind = Standing::Kind;
  const Row rows[] = {
      {"ready, its epoch", {Kind::ready, {3}, {}}, 3, 1, 0},
      {"another version", {Kind::ready, {3}, {}}, 3, 2, static_cast<int>(RefusalCode::version)},
      {"never heard of", {Kind::unknown, {0}, {}}, 3, 1, static_cast<int>(RefusalCode::unknown_instance)},
      {"an old epoch", {Kind::ready, {3}, {}}, 2, 1, static_cast<int>(RefusalCode::stale_epoch)},
      {"an old epoch of one that starts", {Kind::coming, {3}, {}}, 2, 1, static_cast<int>(RefusalCode::stale_epoch)},
      {"an epoch that is still to come", {Kind::ready, {3}, {}}, 4, 1, static_cast<int>(RefusalCode::not_ready)},
      {"starting", {Kind::coming, {3}, {}}, 3, 1, static_cast<int>(RefusalCode::not_ready)},
      {"failed", {Kind::failed, {3}, "trap: unreachable"}, 3, 1, static_cast<int>(RefusalCode::failed)},
  };
  for (const Row& row : rows) {
    protocol::Hello hello;
    hello.version = row.version;
    hello.instance = {1};
    hello.epoch = {row.asked};
    table.hello(peer("a"), hello, row.standing, at_ms(0), out);
    const agent::Effects effects = take();
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(sent<Welcome>(effects).size() == (row.code == 0 ? 1U : 0U));
      const auto refusals = sent<Refused>(effects);
      BOOST_REQUIRE(refusals.size() == (row.code == 0 ? 0U : 1U));
      if (row.code == 0) continue;
      BOOST_TEST(static_cast<int>(refusals[0].second.code) == row.code);
      if (row.standing.kind == Kind::failed) BOOST_TEST(refusals[0].second.reason == "trap: unreachable");
      if (row.code == static_cast<int>(RefusalCode::stale_epoch)) BOOST_TEST(refusals[0].second.epoch.value == 3U);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_welcome_tells_credit_and_size_and_may_be_asked_for_again) {
  greet("a");
  greet("a");
  const auto welcomes = sent<Welcome>(take());
  BOOST_REQUIRE(welcomes.size() == 2U);
  BOOST_TEST(welcomes[1].second.credit == limits::frames_queued_per_instance);
  BOOST_TEST(welcomes[1].second.max_frame_bytes == 1000U);
  BOOST_TEST(table.sessions() == 1U);
}

BOOST_AUTO_TEST_CASE(a_frame_runs_and_its_result_carries_the_durations) {
  greet("a", 0);
  take();
  const auto first = send("a", frame(1, 3, 1), 10);
  const auto second = send("a", frame(1, 3, 2), 11);
  auto effects = take();
  BOOST_TEST(all_of<agent::HandOver>(effects).size() == 1U);
  BOOST_TEST((all_of<agent::KeepPayload>(effects).at(0).token == second));
  BOOST_TEST(finish(first, 14));
  effects = take();
  BOOST_TEST((all_of<agent::HandOver>(effects).at(0).token == second));
  BOOST_TEST(finish(second, 16, false));
  for (auto& more : take()) effects.push_back(more);
  const auto results = sent<ResultHeader>(effects);
  BOOST_REQUIRE(results.size() == 2U);
  BOOST_TEST(results[0].second.queued_us == 0U);
  BOOST_TEST(results[0].second.executed_us == 1500U);
  BOOST_TEST(results[0].second.inside_us == 4000U);
  BOOST_TEST(results[0].second.credit == limits::frames_queued_per_instance);
  BOOST_TEST(results[1].second.queued_us == 3000U);
  BOOST_TEST(results[1].second.inside_us == 5000U);
  BOOST_TEST((results[1].second.status == ResultStatus::failed));
  BOOST_TEST(results[1].second.reason == "the task returned -5");
  const auto sends = all_of<agent::SendToClient>(effects);
  BOOST_TEST(sends[0].with_output);
  BOOST_TEST(!sends[1].with_output);
  BOOST_TEST(table.counts().executed == 1U);
  BOOST_TEST(table.counts().failed == 1U);
  BOOST_TEST(table.counts().cpu_us == 2400U);
}

BOOST_AUTO_TEST_CASE(frames_that_cannot_be_taken_are_refused_with_their_sequence) {
  struct Row {
    const char* name;
    std::function<void(protocol::Frame&)> change;
    std::uint32_t bytes;
    RefusalCode code;
  };
  const Row rows[] = {
      {"sequence 0", [](auto& f) { f.sequence = 0; }, 10, RefusalCode::bad_message},
      {"sealed", [](auto& f) { f.key_id = 1; }, 10, RefusalCode::bad_message},
      {"too large", [](auto&) {}, 1001, RefusalCode::too_large},
      {"another format", [](auto& f) { f.format = protocol::FrameFormat::grey8; }, 10, RefusalCode::bad_message},
      {"an old epoch", [](auto& f) { f.epoch = {2}; }, 10, RefusalCode::stale_epoch},
      {"a later epoch", [](auto& f) { f.epoch = {4}; }, 10, RefusalCode::not_ready},
  };
  greet("a");
  take();
  for (const Row& row : rows) {
    protocol::Frame bad = frame(1, 3, 77);
    row.change(bad);
    send("a", bad, 0, row.bytes);
    const auto effects = take();
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST((only_refusal(effects) == row.code));
      BOOST_TEST(sent<Refused>(effects)[0].second.sequence == bad.sequence);
      BOOST_TEST(all_of<agent::HandOver>(effects).empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_picture_must_be_as_large_as_it_says) {
  protocol::InputSpec grey;
  grey.format = protocol::FrameFormat::grey8;
  grey.max_bytes = 1000;
  table.open_lane(key(1, 3), grey);
  greet("a");
  take();
  struct Row { std::uint16_t width, height; std::uint32_t bytes; bool taken; };
  const Row rows[] = {{10, 10, 100, true}, {10, 10, 99, false}, {10, 9, 100, false}, {0, 0, 0, false}, {0xffff, 0xffff, 1000, false}};
  for (const Row& row : rows) {
    protocol::Frame picture = frame(1, 3, 1);
    picture.format = protocol::FrameFormat::grey8;
    picture.width = row.width;
    picture.height = row.height;
    const auto token = send("a", picture, 0, row.bytes);
    const auto effects = take();
    BOOST_TEST(all_of<agent::HandOver>(effects).size() == (row.taken ? 1U : 0U));
    if (!row.taken) continue;
    BOOST_TEST(all_of<agent::HandOver>(effects)[0].shape.width == row.width);
    finish(token, 1);
    take();
  }
}

BOOST_AUTO_TEST_CASE(a_frame_without_a_welcome_is_refused) {
  send("stranger", frame(1, 3, 5));
  BOOST_TEST((only_refusal(take()) == RefusalCode::not_ready));
  greet("a");
  take();
  send("stranger", frame(1, 3, 5));
  BOOST_TEST((only_refusal(take()) == RefusalCode::not_ready));
}

BOOST_AUTO_TEST_CASE(no_more_frames_than_credit_are_under_way) {
  greet("a");
  take();
  for (std::uint64_t n = 1; n <= limits::frames_queued_per_instance; ++n) send("a", frame(1, 3, n));
  BOOST_TEST(sent<Refused>(take()).empty());
  send("a", frame(1, 3, 99));
  BOOST_TEST((only_refusal(take()) == RefusalCode::too_many));
  finish({1}, 1);
  take();
  send("a", frame(1, 3, 100));
  BOOST_TEST(sent<Refused>(take()).empty());
}

BOOST_AUTO_TEST_CASE(a_frame_whose_time_ran_out_is_dropped_when_its_turn_comes_unless_it_is_sent_again) {
  greet("a");
  take();
  const auto running = send("a", frame(1, 3, 1, 20'000), 0);
  const auto late = send("a", frame(1, 3, 2, 20'000), 5);
  protocol::Frame again = frame(1, 3, 3, 20'000);
  again.resend = true;
  const auto resent = send("a", again, 6);
  take();
  finish(running, 30);  // itself late: it ran all the same
  const auto effects = take();
  const auto results = sent<ResultHeader>(effects);
  BOOST_REQUIRE(results.size() == 2U);
  BOOST_TEST(results[0].second.sequence == 1U);
  BOOST_TEST((results[0].second.status == ResultStatus::ok));
  BOOST_TEST(results[1].second.sequence == 2U);
  BOOST_TEST((results[1].second.status == ResultStatus::dropped_late));
  BOOST_TEST(results[1].second.queued_us == 25'000U);
  BOOST_TEST((all_of<agent::DropPayload>(effects).at(0).token == late));
  BOOST_TEST((all_of<agent::HandOver>(effects).at(0).token == resent));
  BOOST_TEST(table.counts().dropped_late == 1U);
  BOOST_TEST(table.waiting_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_ends_this_moment_is_not_over) {
  greet("a");
  const auto first = send("a", frame(1, 3, 1), 0);
  const auto second = send("a", frame(1, 3, 2, 10'000), 0);
  take();
  finish(first, 10);
  BOOST_TEST((all_of<agent::HandOver>(take()).at(0).token == second));
}

BOOST_AUTO_TEST_CASE(trial_frames_are_answered_and_counted_nowhere) {
  greet("a");
  take();
  protocol::Frame trial = frame(1, 3, 1);
  trial.trial = true;
  const auto token = send("a", trial);
  finish(token, 5);
  const auto results = sent<ResultHeader>(take());
  BOOST_REQUIRE(results.size() == 1U);
  BOOST_TEST(results[0].second.trial);
  BOOST_TEST(table.figures(key(1, 3))->frames() == 0U);
  BOOST_TEST(table.counts().executed == 0U);
}

BOOST_AUTO_TEST_CASE(sessions_take_turns_and_keep_their_own_order) {
  greet("a");
  greet("b");
  take();
  std::vector<agent::FrameToken> order;
  for (std::uint64_t n = 1; n <= 3; ++n) send("a", frame(1, 3, n));       // tokens 1 2 3
  for (std::uint64_t n = 1; n <= 2; ++n) send("b", frame(1, 3, n));       // tokens 4 5
  for (int i = 0; i < 5; ++i) {
    const auto handed = all_of<agent::HandOver>(take());
    BOOST_REQUIRE(handed.size() == 1U);
    order.push_back(handed[0].token);
    finish(handed[0].token, i);
  }
  const std::vector<agent::FrameToken> expected{{1}, {4}, {2}, {5}, {3}};
  BOOST_TEST((order == expected));
}

BOOST_AUTO_TEST_CASE(a_third_party_cannot_push_out_sessions_that_live_but_takes_the_place_of_a_silent_one) {
  for (std::size_t i = 0; i < agent::sessions_per_instance; ++i) greet("s" + std::to_string(i), 0);
  take();
  greet("new", 100);
  BOOST_TEST((only_refusal(take()) == RefusalCode::too_many));
  for (std::size_t i = 1; i < agent::sessions_per_instance; ++i) table.heard(peer("s" + std::to_string(i)), at_ms(5000));
  greet("new", 5000);
  BOOST_TEST(sent<Welcome>(take()).size() == 1U);
  send("s0", frame(1, 3, 1), 5000);
  BOOST_TEST((only_refusal(take()) == RefusalCode::not_ready));
}

BOOST_AUTO_TEST_CASE(all_instances_together_have_a_bounded_number_of_sessions) {
  std::size_t welcomed = 0;
  for (std::uint64_t instance = 100; instance < 200; ++instance) {
    table.open_lane(key(instance, 1), {});
    for (std::size_t i = 0; i < agent::sessions_per_instance; ++i) {
      protocol::Hello hello;
      hello.instance = {instance};
      hello.epoch = {1};
      table.hello(peer("p" + std::to_string(i)), hello, {Standing::Kind::ready, {1}, {}}, at_ms(0), out);
      welcomed += sent<Welcome>(take()).size();
    }
  }
  BOOST_TEST(welcomed == limits::sessions_per_agent);
  BOOST_TEST(table.sessions() == limits::sessions_per_agent);
}

BOOST_AUTO_TEST_CASE(waiting_payload_is_bounded_over_all_instances) {
  protocol::InputSpec large;
  large.max_bytes = limits::frame_bytes;
  std::uint64_t refusals = 0;
  for (std::uint64_t instance = 100; instance < 108; ++instance) {
    table.open_lane(key(instance, 1), large);
    const Standing here{Standing::Kind::ready, {1}, {}};
    protocol::Hello hello;
    hello.instance = {instance};
    hello.epoch = {1};
    table.hello(peer("p"), hello, here, at_ms(0), out);
    take();
    for (std::uint64_t n = 1; n <= limits::frames_queued_per_instance; ++n) {
      table.frame(peer("p"), {++tokens}, frame(instance, 1, n), limits::frame_bytes, here, at_ms(0), out);
      refusals += sent<Refused>(take()).size();
      BOOST_TEST_REQUIRE(table.waiting_bytes() <= agent::waiting_bytes_max);
    }
  }
  BOOST_TEST(refusals > 0U);
}

BOOST_AUTO_TEST_CASE(a_stopped_instance_lets_the_frame_in_hand_end_and_then_says_so) {
  greet("a");
  greet("b");
  const auto running = send("a", frame(1, 3, 1));
  const auto waiting = send("a", frame(1, 3, 2));
  send("b", frame(1, 3, 1));
  take();
  BOOST_TEST(table.drain_lane(key(1, 3), "the instance was stopped", out));
  auto effects = take();
  BOOST_TEST(all_of<agent::DropPayload>(effects).size() == 2U);
  BOOST_TEST((all_of<agent::DropPayload>(effects)[0].token == waiting));
  BOOST_REQUIRE(sent<Refused>(effects).size() == 1U);
  BOOST_TEST((sent<Refused>(effects)[0].first == peer("b")));
  BOOST_TEST(finish(running, 9));
  effects = take();
  BOOST_TEST(sent<ResultHeader>(effects).size() == 1U);
  BOOST_TEST((only_refusal(effects) == RefusalCode::unknown_instance));
  BOOST_TEST(std::holds_alternative<ResultHeader>(std::get<agent::SendToClient>(effects[0]).message));
  BOOST_TEST(!table.in_hand(key(1, 3)));
  BOOST_TEST(table.sessions() == 0U);
}

BOOST_AUTO_TEST_CASE(a_frame_that_brought_its_task_down_is_answered_as_failed_and_an_innocent_one_is_left_to_be_sent_again) {
  for (const bool by_task : {true, false}) {
    agent::SessionTable fresh;
    fresh.open_lane(key(1, 3), {});
    protocol::Hello hello;
    hello.instance = {1};
    hello.epoch = {3};
    fresh.hello(peer("a"), hello, ready, at_ms(0), out);
    fresh.frame(peer("a"), {50}, frame(1, 3, 7), frame_size, ready, at_ms(0), out);
    fresh.frame(peer("a"), {51}, frame(1, 3, 8), frame_size, ready, at_ms(0), out);
    take();
    const std::string reason = by_task ? "trap: unreachable" : "killed by signal 9";
    fresh.close_lane({key(1, 3), reason, {50}, by_task}, RefusalCode::failed, at_ms(4), out);
    const auto effects = take();
    BOOST_TEST(sent<ResultHeader>(effects).size() == (by_task ? 1U : 0U));
    if (by_task) BOOST_TEST(sent<ResultHeader>(effects)[0].second.reason == reason);
    BOOST_REQUIRE(sent<Refused>(effects).size() == 1U);
    BOOST_TEST(sent<Refused>(effects)[0].second.sequence == 0U);
    BOOST_TEST(sent<Refused>(effects)[0].second.reason == reason);
    BOOST_TEST(all_of<agent::DropPayload>(effects).size() == 1U);
    BOOST_TEST(fresh.waiting_bytes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_is_gone_leaves_nothing_behind) {
  greet("a");
  const auto running = send("a", frame(1, 3, 1));
  send("a", frame(1, 3, 2));
  take();
  table.unreachable(peer("a"), out);
  BOOST_TEST(all_of<agent::DropPayload>(take()).size() == 1U);
  BOOST_TEST(table.sessions() == 0U);
  BOOST_TEST(table.counts().sessions_lost == 1U);
  BOOST_TEST(finish(running, 3));  // answered into the void; the worker is free again
  greet("b");
  send("b", frame(1, 3, 1));
  BOOST_TEST(all_of<agent::HandOver>(take()).size() == 1U);
  table.bye(peer("b"), {1}, out);
  BOOST_TEST(table.sessions() == 0U);
}

BOOST_AUTO_TEST_CASE(answers_for_frames_that_are_not_in_hand_mean_nothing) {
  greet("a");
  const auto running = send("a", frame(1, 3, 1));
  take();
  BOOST_TEST(!finish({12345}, 1));
  BOOST_TEST(!table.done({key(9, 9), running, true, 0, 1, 1}, at_ms(1), out));
  BOOST_TEST(out.empty());
  BOOST_TEST(table.in_hand(key(1, 3)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

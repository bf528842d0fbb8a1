#include <boost/test/unit_test.hpp>

#include "common/protocol/limits.hpp"
#include "coordinator/core/tasks/build_table.hpp"
#include "coordinator/core/tasks/desired_table.hpp"
#include "coordinator/core/tasks/task_states.hpp"
#include "coordinator/core/tasks/task_table.hpp"
#include "coordinator/core/to_text.hpp"
#include "tests/unit/coordinator/region.hpp"

namespace proxima::coordinator::test {
namespace {

using A = TaskAction;
using E = TaskEvent;
using S = TaskState;

BOOST_AUTO_TEST_SUITE(task_tables)

BOOST_AUTO_TEST_CASE(the_life_of_a_task_has_a_row_for_every_state_and_event) {
  // Columns: measured tried took_over standby_lost reported stop_asked lease_over build_failed serving_gone standby_gone retry_due
  const struct {
    S state;
    A actions[task_events];
  } rows[task_states] = {
      {S::measuring, {A::choose_trials, A::conflict, A::conflict, A::conflict, A::renew, A::stop, A::stop, A::refuse, A::ignore, A::ignore, A::ignore}},
      {S::trying, {A::choose_trials, A::conclude, A::conflict, A::conflict, A::renew, A::stop, A::stop, A::refuse, A::ignore, A::ignore, A::ignore}},
      {S::placed, {A::remeasure, A::answer, A::ratify, A::replace_standby, A::renew, A::stop, A::stop, A::ignore, A::promote, A::replace_standby, A::fill}},
      {S::refused, {A::answer_no_trials, A::answer, A::answer, A::answer, A::answer, A::answer, A::ignore, A::ignore, A::ignore, A::ignore, A::ignore}},
      {S::stopped, {A::answer_no_trials, A::answer, A::answer, A::answer, A::answer, A::answer, A::ignore, A::ignore, A::ignore, A::ignore, A::ignore}},
  };
  for (const auto& row : rows)
    for (std::size_t i = 0; i < task_events; ++i)
      BOOST_TEST((action_for(row.state, static_cast<E>(i)) == row.actions[i]),
                 std::string(to_text(row.state)) + ", " + to_text(static_cast<E>(i)));
}

BOOST_AUTO_TEST_CASE(epochs_only_rise) {
  Task task;
  Epoch last;
  for (int i = 0; i < 100; ++i) {
    const Epoch next = TaskTable::next_epoch(task);
    BOOST_TEST((next > last));
    last = next;
  }
}

BOOST_AUTO_TEST_CASE(setbacks_double_up_to_a_bound) {
  Task task;
  const NodeId node = node_id("phone");
  const Instant now{0};
  const int seconds[] = {10, 20, 40, 80, 160, 320, 640, 640, 640};
  for (const int wait : seconds) {
    TaskTable::add_setback(task, node, false, "", now);
    BOOST_TEST((task.setbacks.at(node).until == now + Duration::seconds(wait)));
  }
  BOOST_TEST(task.setbacks.at(node).reason == "no reason given");
}

BOOST_AUTO_TEST_CASE(the_latest_moves_are_kept) {
  Task task;
  for (std::size_t i = 0; i < limits::moves_per_task + 10; ++i)
    TaskTable::add_move(task, {Instant{static_cast<std::int64_t>(i)}, {}, {}, ""});
  BOOST_TEST(task.moves.size() == limits::moves_per_task);
  BOOST_TEST(task.moves.front().at.ns == 10);
}

BOOST_AUTO_TEST_CASE(as_many_tasks_run_as_the_limit_says) {
  TaskTable table;
  for (std::uint64_t i = 1; i <= limits::tasks; ++i) BOOST_REQUIRE(table.add(TaskId{i}, motion(), Instant{}) != nullptr);
  BOOST_TEST(table.add(TaskId{limits::tasks + 1}, motion(), Instant{}) == nullptr);
  (void)table.end(*table.find(TaskId{1}), TaskState::stopped, "");
  BOOST_TEST(table.add(TaskId{limits::tasks + 1}, motion(), Instant{}) != nullptr);
}

BOOST_AUTO_TEST_CASE(a_build_is_asked_for_once_until_it_failed_and_somebody_asks_anew) {
  BuildTable table;
  const BuildKey key{digest_of(1), "x86_64-linux-gnu", "scalar"};
  BOOST_TEST(table.request(key));
  BOOST_TEST(!table.request(key));
  table.failed({digest_of(9), "x86_64-linux-gnu", "scalar"}, "nobody asked");
  BOOST_TEST(!table.error({digest_of(9), "x86_64-linux-gnu", "scalar"}).has_value());
  table.failed(key, "no on_frame");
  BOOST_TEST(table.error(key).value() == "no on_frame");
  BOOST_TEST(!table.request(key));
  table.retry_failed(digest_of(1));
  BOOST_TEST(table.request(key));
  table.built(key, digest_of(3));
  table.retry_failed(digest_of(1));
  BOOST_TEST(!table.request(key));
  table.keep_only({});
  BOOST_TEST(table.request(key));
}

BOOST_AUTO_TEST_CASE(a_wish_is_whole_and_its_generation_rises) {
  DesiredTable table;
  const NodeId node = node_id("phone");
  const Instant now{5};
  protocol::DesiredInstance one;
  one.instance = InstanceId{1};
  one.epoch = Epoch{1};
  protocol::DesiredInstance two = one;
  two.instance = InstanceId{2};
  two.role = protocol::Role::standby;
  table.add(node, one, now);
  table.add(node, two, now);
  auto sent = table.take_unsent(3, now);
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].second.term == 3U);
  BOOST_TEST(sent[0].second.instances.size() == 2U);
  BOOST_TEST(table.take_unsent(3, now).empty());
  const std::uint64_t generation = sent[0].second.generation;
  BOOST_TEST(table.find(node)->is_watched);
  BOOST_TEST(table.remove(node, InstanceId{1}, now));
  BOOST_TEST(!table.remove(node, InstanceId{1}, now));
  BOOST_TEST(table.find(node)->is_watched);  // the standby is watched as well
  sent = table.take_unsent(3, now);
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].second.generation > generation);
  BOOST_TEST(sent[0].second.instances.size() == 1U);
}

BOOST_AUTO_TEST_CASE(figures_for_people) {
  BOOST_TEST(one_decimal(8.65) == "8.7");
  BOOST_TEST(one_decimal(0) == "0.0");
  BOOST_TEST(one_decimal(-0.26) == "-0.3");
  BOOST_TEST(one_decimal(1e300) == "very large");
  for (const double value : {0.0, 35.001, 35.01, 17.3333, 0.1 + 0.2, 1e15}) {
    BOOST_TEST(rounded_up(value) >= value);
    BOOST_TEST(rounded_up(value) - value <= 0.0100001);
  }
  BOOST_TEST(rounded_up(35.001) == 35.01);
  BOOST_TEST(bounded(std::string(1000, 'x')).size() == limits::text_bytes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator::test

#include <boost/test/unit_test.hpp>

#include <set>
#include <vector>

#include "agent/core/instance_states.hpp"

namespace proxima::tests {
namespace {

using agent::Happening;
using agent::Stage;
using agent::Step;

struct Row {
  Stage from;
  Happening happening;
  Stage to;
  Step step;
};

// Every pair that changes something; any other keeps its stage and does nothing.
const std::vector<Row> rows = {
    {Stage::fetching, Happening::withdrawn, Stage::gone, Step::cancel_fetch},
    {Stage::fetching, Happening::object_ready, Stage::held, Step::none},
    {Stage::fetching, Happening::object_missing, Stage::backing_off, Step::arm_retry},
    {Stage::fetching, Happening::object_bad, Stage::failed, Step::none},
    {Stage::backing_off, Happening::withdrawn, Stage::gone, Step::none},
    {Stage::backing_off, Happening::retry_due, Stage::fetching, Step::fetch},
    {Stage::held, Happening::withdrawn, Stage::gone, Step::none},
    {Stage::held, Happening::room, Stage::starting, Step::start_worker},
    {Stage::starting, Happening::withdrawn, Stage::stopping, Step::stop_worker},
    {Stage::starting, Happening::worker_ready, Stage::ready, Step::none},
    {Stage::starting, Happening::worker_gone, Stage::failed, Step::none},
    {Stage::ready, Happening::withdrawn, Stage::draining, Step::arm_drain},
    {Stage::ready, Happening::worker_gone, Stage::failed, Step::none},
    {Stage::draining, Happening::worker_gone, Stage::gone, Step::none},
    {Stage::draining, Happening::drained, Stage::stopping, Step::stop_worker},
    {Stage::draining, Happening::drain_due, Stage::stopping, Step::stop_worker},
    {Stage::stopping, Happening::worker_gone, Stage::gone, Step::none},
    {Stage::failed, Happening::withdrawn, Stage::gone, Step::none},
    {Stage::refused, Happening::withdrawn, Stage::gone, Step::none},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(instance_states)

BOOST_AUTO_TEST_CASE(every_pair_has_its_row) {
  std::size_t changes = 0;
  for (std::size_t s = 0; s < agent::stages; ++s) {
    for (std::size_t h = 0; h < agent::happenings; ++h) {
      const auto stage = static_cast<Stage>(s);
      const auto happening = static_cast<Happening>(h);
      Row expected{stage, happening, stage, Step::none};
      for (const Row& row : rows) {
        if (row.from == stage && row.happening == happening) {
          expected = row;
          ++changes;
        }
      }
      const agent::Transition actual = agent::transition(stage, happening);
      BOOST_TEST_CONTEXT(to_text(stage) << ", happening " << h) {
        BOOST_TEST(to_text(actual.next) == to_text(expected.to));
        BOOST_TEST(static_cast<int>(actual.step) == static_cast<int>(expected.step));
      }
    }
  }
  BOOST_TEST(changes == rows.size());
}

BOOST_AUTO_TEST_CASE(withdrawing_leads_out_of_every_stage) {
  for (std::size_t s = 0; s < agent::stages; ++s) {
    auto stage = agent::transition(static_cast<Stage>(s), Happening::withdrawn).next;
    stage = agent::transition(stage, Happening::drain_due).next;
    stage = agent::transition(stage, Happening::worker_gone).next;
    BOOST_TEST(to_text(stage) == to_text(Stage::gone));
  }
}

BOOST_AUTO_TEST_CASE(only_stages_with_a_worker_hold_memory_and_none_both_leaves_and_is_admitted) {
  const std::set<Stage> holding{Stage::starting, Stage::ready, Stage::draining, Stage::stopping};
  for (std::size_t s = 0; s < agent::stages; ++s) {
    const auto stage = static_cast<Stage>(s);
    BOOST_TEST(agent::holds_memory(stage) == holding.contains(stage));
    BOOST_TEST(!(agent::is_admitted(stage) && agent::is_leaving(stage)));
    const bool silent = stage == Stage::draining || stage == Stage::stopping;
    BOOST_TEST(agent::wire_state(stage).has_value() == !silent);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

#include "agent/core/supervisor.hpp"
#include "common/protocol/limits.hpp"
#include "tests/unit/agent/cases.hpp"

namespace proxima::tests {
namespace {

using agent::Stage;
using protocol::DesiredInstance;

struct Fixture {
  agent::Supervisor supervisor{roomy_offer()};
  agent::Effects out;
  std::uint64_t generation = 0;

  agent::Effects take() { return std::exchange(out, {}); }
  void wish(std::vector<DesiredInstance> instances, std::int64_t ms = 0) {
    supervisor.apply(desired(1, ++generation, std::move(instances)), at_ms(ms), out);
  }
  void fetched(const agent::InstanceKey& k) { supervisor.object_ready({k, "/cache/object.so"}, at_ms(1), out); }
  void started(const agent::InstanceKey& k) {
    supervisor.worker_ready({k, 4711, 0, protocol::Isolation::full}, at_ms(2), out);
  }
  void ended(const agent::InstanceKey& k, const std::string& reason) { supervisor.worker_gone({k, reason, {}, false}, at_ms(3), out); }
  void run(const DesiredInstance& wanted) {
    wish({wanted});
    fetched({wanted.instance, wanted.epoch});
    started({wanted.instance, wanted.epoch});
    take();
    (void)supervisor.take_changes();
  }
  [[nodiscard]] std::string stage(const agent::InstanceKey& k) const {
    const agent::Instance* found = supervisor.find(k);
    return found == nullptr ? "none" : to_text(found->stage);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(supervisor_of_instances, Fixture)

BOOST_AUTO_TEST_CASE(a_wish_is_fetched_started_and_ready) {
  wish({desired_instance(1, 1)});
  const auto fetches = all_of<agent::FetchObject>(take());
  BOOST_REQUIRE(fetches.size() == 1U);
  BOOST_TEST((fetches[0].key == key(1, 1)));
  BOOST_TEST(fetches[0].variant == "scalar");
  fetched(key(1, 1));
  const auto starts = all_of<agent::StartWorker>(take());
  BOOST_REQUIRE(starts.size() == 1U);
  BOOST_TEST(starts[0].object_path == "/cache/object.so");
  started(key(1, 1));
  BOOST_TEST(stage(key(1, 1)) == "ready");
  BOOST_TEST(supervisor.find(key(1, 1))->worker_pid == 4711U);
  const auto changes = supervisor.take_changes();
  std::vector<std::string> seen;
  for (const agent::StageChange& change : changes) seen.emplace_back(to_text(change.instance.stage));
  BOOST_TEST(seen == (std::vector<std::string>{"fetching", "held", "starting", "ready"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_no_longer_desired_leaves_from_every_stage) {
  wish({desired_instance(1, 1)});
  take();
  wish({});
  BOOST_TEST(all_of<agent::CancelFetch>(take()).size() == 1U);
  BOOST_TEST(stage(key(1, 1)) == "none");

  run(desired_instance(2, 1));
  wish({});
  BOOST_TEST(stage(key(2, 1)) == "draining");
  supervisor.drained(key(2, 1), at_ms(1), out);
  BOOST_TEST(all_of<agent::StopWorker>(take()).size() == 1U);
  ended(key(2, 1), "stopped");
  BOOST_TEST(stage(key(2, 1)) == "none");
  BOOST_TEST(!supervisor.serving());
}

BOOST_AUTO_TEST_CASE(a_frame_in_hand_holds_up_the_end_for_one_second_at_most) {
  run(desired_instance(1, 1));
  wish({}, 100);
  BOOST_TEST(supervisor.next_deadline().ns == at_ms(1100).ns);
  supervisor.on_time(at_ms(1099), out);
  BOOST_TEST(all_of<agent::StopWorker>(take()).empty());
  supervisor.on_time(at_ms(1100), out);
  BOOST_TEST(all_of<agent::StopWorker>(take()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_higher_epoch_of_the_same_instance_starts_afresh) {
  run(desired_instance(1, 1));
  wish({desired_instance(1, 2)});
  BOOST_TEST(stage(key(1, 1)) == "draining");
  BOOST_TEST(stage(key(1, 2)) == "fetching");
  BOOST_TEST((supervisor.newest({1})->desired.epoch == Epoch{2}));
}

BOOST_AUTO_TEST_CASE(a_lower_epoch_is_not_obeyed_and_takes_nothing_away) {
  run(desired_instance(1, 5));
  wish({desired_instance(1, 4)});
  BOOST_TEST(take().empty());
  BOOST_TEST(stage(key(1, 5)) == "ready");
  BOOST_TEST(stage(key(1, 4)) == "none");
}

BOOST_AUTO_TEST_CASE(the_same_wish_again_changes_nothing_but_the_role) {
  run(desired_instance(1, 1));
  DesiredInstance serving = desired_instance(1, 1);
  serving.role = protocol::Role::standby;
  serving.deadline_us = 20'000;
  wish({serving, serving});
  BOOST_TEST(take().empty());
  BOOST_TEST(supervisor.take_changes().empty());
  BOOST_TEST((supervisor.find(key(1, 1))->desired.role == protocol::Role::standby));
  BOOST_TEST(supervisor.find(key(1, 1))->desired.deadline_us == 20'000U);
}

BOOST_AUTO_TEST_CASE(a_failed_instance_stays_failed_until_the_wish_changes) {
  run(desired_instance(1, 1));
  ended(key(1, 1), "trap: unreachable");
  BOOST_TEST(stage(key(1, 1)) == "failed");
  BOOST_TEST(supervisor.find(key(1, 1))->reason == "trap: unreachable");
  BOOST_TEST(supervisor.find(key(1, 1))->worker_pid == 0U);
  wish({desired_instance(1, 1)});
  BOOST_TEST(take().empty());
  BOOST_TEST(stage(key(1, 1)) == "failed");
  wish({desired_instance(1, 2)});
  BOOST_TEST(stage(key(1, 1)) == "none");
  BOOST_TEST(all_of<agent::FetchObject>(take()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_missing_object_is_asked_for_again_ever_more_rarely) {
  wish({desired_instance(1, 1)});
  std::vector<std::int64_t> waits;
  Instant now = at_ms(0);
  for (int i = 0; i < 9; ++i) {
    supervisor.object_unavailable({key(1, 1), false, "not built yet"}, now, out);
    BOOST_TEST(stage(key(1, 1)) == "backing off");
    take();
    const Instant due = supervisor.next_deadline();
    waits.push_back((due - now).ns / 1'000'000);
    now = due;
    supervisor.on_time(now, out);
    BOOST_TEST(all_of<agent::FetchObject>(out).size() == 1U);
  }
  BOOST_TEST(waits == (std::vector<std::int64_t>{250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000}), boost::test_tools::per_element());
  BOOST_TEST(supervisor.find(key(1, 1))->reason == "not built yet");
}

BOOST_AUTO_TEST_CASE(a_failed_build_fails_the_instance_in_the_builders_words) {
  wish({desired_instance(1, 1)});
  supervisor.object_unavailable({key(1, 1), true, "cannot build: it imports 'env.system'" + std::string(500, '.')}, at_ms(1), out);
  BOOST_TEST(stage(key(1, 1)) == "failed");
  BOOST_TEST(supervisor.find(key(1, 1))->reason.starts_with("cannot build: it imports 'env.system'"));
  BOOST_TEST(supervisor.find(key(1, 1))->reason.size() == limits::text_bytes);
  BOOST_TEST(supervisor.next_deadline().is_never());
}

BOOST_AUTO_TEST_CASE(memory_of_an_instance_that_leaves_is_waited_for) {
  run(desired_instance(1, 1, 48));
  wish({desired_instance(2, 1, 32)});
  BOOST_TEST(stage(key(2, 1)) == "fetching");
  fetched(key(2, 1));
  BOOST_TEST(stage(key(2, 1)) == "held");
  BOOST_TEST(all_of<agent::StartWorker>(take()).empty());
  supervisor.drained(key(1, 1), at_ms(1), out);
  ended(key(1, 1), "stopped");
  BOOST_TEST(all_of<agent::StartWorker>(take()).size() == 1U);
  BOOST_TEST(stage(key(2, 1)) == "starting");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_and_taken_on_once_it_does) {
  wish({desired_instance(1, 1, 40), desired_instance(2, 1, 40)});
  BOOST_TEST(stage(key(1, 1)) == "fetching");
  BOOST_TEST(stage(key(2, 1)) == "refused");
  BOOST_TEST(supervisor.find(key(2, 1))->reason == "needs 40 MiB of memory; 64 MiB are given, 40 MiB of them in use");
  BOOST_TEST(supervisor.take_changes().size() == 2U);
  wish({desired_instance(1, 1, 40), desired_instance(2, 1, 40)});
  BOOST_TEST(supervisor.take_changes().empty());  // said already
  wish({desired_instance(2, 1, 40)});
  BOOST_TEST(stage(key(2, 1)) == "fetching");
}

BOOST_AUTO_TEST_CASE(what_is_desired_anew_while_it_leaves_starts_once_it_has_left) {
  run(desired_instance(1, 1));
  wish({});
  wish({desired_instance(1, 1)});
  BOOST_TEST(stage(key(1, 1)) == "draining");
  supervisor.drained(key(1, 1), at_ms(1), out);
  take();
  ended(key(1, 1), "stopped");
  BOOST_TEST(stage(key(1, 1)) == "fetching");
  BOOST_TEST(all_of<agent::FetchObject>(take()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(answers_for_instances_that_are_not_here_mean_nothing) {
  fetched(key(9, 1));
  started(key(9, 1));
  ended(key(9, 1), "killed by signal 9");
  supervisor.drained(key(9, 1), at_ms(1), out);
  supervisor.object_unavailable({key(9, 1), true, "x"}, at_ms(1), out);
  BOOST_TEST(out.empty());
  BOOST_TEST(supervisor.instances().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

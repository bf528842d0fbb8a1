// Hello, frame, result: through a real agent and a real worker.
#include <boost/test/unit_test.hpp>

#include <csignal>

#include "common/protocol/limits.hpp"
#include "tests/integration/agent/rig.hpp"

namespace proxima::tests {

using protocol::InstanceState;
using protocol::RefusalCode;
using protocol::Refused;
using protocol::ResultHeader;
using protocol::ResultStatus;

BOOST_AUTO_TEST_SUITE(agent_frames)

BOOST_AUTO_TEST_CASE(a_wish_becomes_a_worker_that_answers_frames) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  const protocol::InstanceReport ready = *region.last_report(7);
  BOOST_TEST(ready.worker_pid > 0U);
  BOOST_TEST(ready.worker_pid != static_cast<std::uint32_t>(agent.pid()));
  BOOST_TEST((ready.isolation == protocol::Isolation::full));
  Client client(region, agent.frames);
  client.enter(7, 1);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const std::string bytes = "e frame number " + std::to_string(n);
    client.frame(7, 1, n, bytes);
    const auto [result, output] = client.next_as<ResultHeader>();
    BOOST_TEST(result.sequence == n);
    BOOST_TEST((result.status == ResultStatus::ok));
    BOOST_TEST((result.epoch == Epoch{1}));
    BOOST_TEST(result.inside_us >= result.executed_us);
    BOOST_TEST((output == blob(bytes)));
  }
  region.until("the figures have come", [&] { return region.last_report(7)->frames == 20; });
  BOOST_TEST(region.last_report(7)->execute_us_mean > 0U);
  BOOST_TEST((region.last_report(7)->state == InstanceState::ready));
}

BOOST_AUTO_TEST_CASE(frames_sent_at_once_are_answered_in_order_and_one_too_many_is_refused) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  Client client(region, agent.frames);
  client.enter(7, 1);
  agent.process().signal(SIGSTOP);  // so that all of them wait
  for (std::uint64_t n = 1; n <= 5; ++n) client.frame(7, 1, n, "e" + std::to_string(n));
  agent.process().signal(SIGCONT);
  std::uint64_t last = 0;
  std::size_t results = 0;
  std::size_t refused = 0;
  while (results + refused < 5) {
    const Heard heard = client.next();
    if (const auto* result = std::get_if<ResultHeader>(&heard.message)) {
      BOOST_TEST(result->sequence > last);
      last = result->sequence;
      ++results;
    } else {
      const auto* no = std::get_if<Refused>(&heard.message);
      BOOST_REQUIRE(no != nullptr);
      BOOST_TEST((no->code == RefusalCode::too_many));
      BOOST_TEST(no->sequence == 5U);
      ++refused;
    }
  }
  BOOST_TEST(results >= 4U);
}

BOOST_AUTO_TEST_CASE(a_task_that_says_no_and_one_that_is_not_here) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 3)});
  region.until_state(7, InstanceState::ready);
  Client client(region, agent.frames);
  client.hello(7, 2);
  BOOST_TEST((client.next_as<Refused>().first.code == RefusalCode::stale_epoch));
  client.hello(7, 4);
  BOOST_TEST((client.next_as<Refused>().first.code == RefusalCode::not_ready));
  client.hello(8, 1);
  BOOST_TEST((client.next_as<Refused>().first.code == RefusalCode::unknown_instance));
  client.frame(7, 3, 1, "e");
  BOOST_TEST((client.next_as<Refused>().first.code == RefusalCode::not_ready));
  client.enter(7, 3);
  client.frame(7, 3, 1, std::string(5000, 'e'));
  BOOST_TEST((client.next_as<Refused>().first.code == RefusalCode::too_large));
  client.frame(7, 3, 2, "f");
  const auto [failed, output] = client.next_as<ResultHeader>();
  BOOST_TEST((failed.status == ResultStatus::failed));
  BOOST_TEST(failed.reason == "the task returned 7");
  BOOST_TEST(output.empty());
}

BOOST_AUTO_TEST_CASE(pings_and_transfers_need_no_session) {
  Region region;
  TempDir data;
  AgentProcess agent(region, data);
  Client client(region, agent.frames);
  client.say(protocol::Ping{11});
  BOOST_TEST(client.next_as<protocol::Pong>().first.token == 11U);
  client.say(protocol::Transfer{12}, Blob(230'400, 1));
  const auto [done, payload] = client.next_as<protocol::TransferDone>();
  BOOST_TEST(done.token == 12U);
  BOOST_TEST(done.bytes == 230'400U);
  BOOST_TEST(payload.empty());
}

BOOST_AUTO_TEST_CASE(a_new_epoch_starts_with_empty_state) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  Client client(region, agent.frames);
  client.enter(7, 1);
  for (std::uint8_t n = 1; n <= 3; ++n) {
    client.frame(7, 1, n, "i");
    BOOST_TEST((client.next_as<ResultHeader>().second == Blob{n}));
  }
  region.wish({instance_of(1, 7, 2)});
  const auto [ended, payload] = client.next_as<Refused>();
  BOOST_TEST(ended.sequence == 0U);
  region.until("the new life is ready", [&] {
    return region.last_report(7)->epoch == Epoch{2} && region.last_report(7)->state == InstanceState::ready;
  });
  client.enter(7, 2);
  client.frame(7, 2, 4, "i");
  BOOST_TEST((client.next_as<ResultHeader>().second == Blob{1}));
}

BOOST_AUTO_TEST_CASE(two_clients_share_an_instance) {
  Region region;
  region.offer(1, {obedient()});
  TempDir data;
  AgentProcess agent(region, data);
  region.wish({instance_of(1, 7, 1)});
  region.until_state(7, InstanceState::ready);
  Client one(region, agent.frames);
  Client two(region, agent.frames);
  one.enter(7, 1);
  two.enter(7, 1);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    one.frame(7, 1, n, "e one");
    two.frame(7, 1, n, "e two");
  }
  for (std::uint64_t n = 1; n <= 4; ++n) {
    const auto [a, from_one] = one.next_as<ResultHeader>();
    const auto [b, from_two] = two.next_as<ResultHeader>();
    BOOST_TEST(a.sequence == n);
    BOOST_TEST(b.sequence == n);
    BOOST_TEST((from_one == blob("e one")));
    BOOST_TEST((from_two == blob("e two")));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace proxima::tests

// The build queue: time is an argument, so everything here is exact.
#include <string>

#include <boost/test/unit_test.hpp>

#include "coordinator/io/build_queue.hpp"

namespace proxima::coordinator {
namespace {

constexpr Instant at(std::int64_t seconds) { return Instant{} + Duration::seconds(seconds); }

ObjectKey key(std::uint8_t module, const std::string& target = "x86_64-linux-gnu") {
  ObjectKey made{{}, target, "scalar"};
  made.module.bytes[0] = module;
  return made;
}

BOOST_AUTO_TEST_SUITE(build_queue)

BOOST_AUTO_TEST_CASE(jobs_are_taken_in_order_and_a_key_is_queued_once) {
  BuildQueue queue({});
  BOOST_TEST(queue.ask(key(1), 16));
  BOOST_TEST(queue.ask(key(2), 32));
  BOOST_TEST(queue.ask(key(1), 64));
  const auto first = queue.take(at(0));
  BOOST_REQUIRE(first);
  BOOST_TEST((first->key == key(1)));
  BOOST_TEST(first->memory_mib == 16U);
  const auto second = queue.take(at(0));
  BOOST_REQUIRE(second);
  BOOST_TEST((second->key == key(2)));
  BOOST_TEST(second->id != first->id);
  BOOST_TEST(!queue.take(at(0)).has_value());
  BOOST_TEST(queue.asked(key(1)));
  queue.finish(first->id);
  BOOST_TEST(!queue.asked(key(1)));
  BOOST_TEST(!queue.find(first->id).has_value());
}

BOOST_AUTO_TEST_CASE(a_job_whose_builder_vanished_is_handed_out_again_and_fails_after_three_attempts) {
  BuildQueue queue({});
  queue.ask(key(1), 16);
  const auto job = queue.take(at(0));
  BOOST_REQUIRE(job);
  for (std::int64_t attempt = 1; attempt < 3; ++attempt) {
    BOOST_TEST((queue.next_deadline() == at(60 * attempt)));
    BOOST_TEST(queue.expire(at(60 * attempt - 1)).empty());
    BOOST_TEST(!queue.waiting());
    BOOST_TEST(queue.expire(at(60 * attempt)).empty());
    const auto again = queue.take(at(60 * attempt));
    BOOST_REQUIRE(again);
    BOOST_TEST(again->id == job->id);  // so that the slow builder's result still counts
  }
  const auto failed = queue.expire(at(180));
  BOOST_REQUIRE(failed.size() == 1U);
  BOOST_TEST((failed[0].key == key(1)));
  BOOST_TEST(failed[0].reason.find("3 attempts") != std::string::npos);
  BOOST_TEST(!queue.take(at(180)).has_value());
  BOOST_TEST(queue.next_deadline().is_never());
  BOOST_TEST(queue.failure(key(1), at(180)).has_value());
}

BOOST_AUTO_TEST_CASE(a_failure_is_remembered_for_its_key_until_it_is_forgotten) {
  BuildQueue queue({});
  queue.ask(key(1), 16);
  queue.ask(key(1, "aarch64-linux-gnu"), 16);
  const auto job = queue.take(at(0));
  BOOST_REQUIRE(job);
  queue.fail(job->id, "no exports", at(1));
  BOOST_TEST(queue.failure(key(1), at(600)).value_or("") == "no exports");
  BOOST_TEST(!queue.failure(key(1, "aarch64-linux-gnu"), at(2)).has_value());
  BOOST_TEST(!queue.failure(key(1), at(601)).has_value());
  queue.forget_failures(key(1).module);
  BOOST_TEST(!queue.failure(key(1), at(2)).has_value());
}

BOOST_AUTO_TEST_CASE(jobs_and_remembered_failures_are_bounded) {
  BuildQueueOptions options;
  options.jobs = 2;
  BuildQueue queue(options);
  BOOST_TEST(queue.ask(key(1), 16));
  BOOST_TEST(queue.ask(key(2), 16));
  BOOST_TEST(!queue.ask(key(3), 16));
  BOOST_TEST(queue.ask(key(1), 16));
  for (std::uint8_t module = 1; module <= 3; ++module) {
    queue.ask(key(module), 16);
    const auto job = queue.take(at(module));
    BOOST_REQUIRE(job);
    queue.fail(job->id, "broken", at(module));
  }
  BOOST_TEST(!queue.failure(key(1), at(4)).has_value());
  BOOST_TEST(queue.failure(key(2), at(4)).has_value());
  BOOST_TEST(queue.failure(key(3), at(4)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace proxima::coordinator

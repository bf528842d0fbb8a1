#include <array>
#include <boost/test/unit_test.hpp>

#include "common/protocol/limits.hpp"
#include "tests/unit/guest/guests/hostile.hpp"
#include "tests/unit/guest/objects.hpp"

using proxima::tests::Loaded;
using proxima::tests::ObjectFile;
using proxima::tests::RecordingHost;
using proxima::worker::Guest;
using proxima::worker::GuestOutcome;

namespace {

std::uint32_t number(const GuestOutcome& outcome) {
  BOOST_REQUIRE_MESSAGE(outcome.kind == GuestOutcome::Kind::ok, outcome.reason);
  BOOST_REQUIRE(outcome.output.size() == 4);
  return static_cast<std::uint32_t>(outcome.output[0]) | static_cast<std::uint32_t>(outcome.output[1]) << 8U |
         static_cast<std::uint32_t>(outcome.output[2]) << 16U | static_cast<std::uint32_t>(outcome.output[3]) << 24U;
}

GuestOutcome ask(Loaded& loaded, hostile::Deed deed, std::size_t frame_bytes = 1) {
  std::vector<std::uint8_t> frame(frame_bytes);
  frame[0] = deed;
  return loaded.guest->frame({}, frame);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(calls)

BOOST_AUTO_TEST_CASE(memory_grows_to_the_declared_maximum_and_no_further) {
  Loaded loaded("hostile");
  const std::uint32_t first = number(ask(loaded, hostile::grow_4_gib));
  BOOST_TEST(first == 0xffffffffU);
  const std::uint32_t grown = number(ask(loaded, hostile::grow_all));
  BOOST_TEST(grown > 0U);
  BOOST_TEST(grown < 4U * 16U);  // 4 MiB less what it began with
  BOOST_TEST(number(ask(loaded, hostile::grow_all)) == 0U);
  BOOST_TEST(number(ask(loaded, hostile::grow_4_gib)) == 0xffffffffU);
}

BOOST_AUTO_TEST_CASE(a_frame_that_does_not_fit_into_the_memory_is_a_trap_with_its_size) {
  Loaded loaded("hostile");
  const GuestOutcome outcome = ask(loaded, hostile::count, 4U << 20U);
  BOOST_TEST((outcome.kind == GuestOutcome::Kind::trapped));
  BOOST_TEST(outcome.reason == "no room in its memory for a frame of 4194304 bytes");
}

BOOST_AUTO_TEST_CASE(a_frame_larger_than_any_may_be_is_refused) {
  Loaded loaded("hostile");
  const GuestOutcome outcome = ask(loaded, hostile::count, proxima::limits::frame_bytes + 1);
  BOOST_TEST((outcome.kind == GuestOutcome::Kind::trapped));
}

BOOST_AUTO_TEST_CASE(an_empty_frame_and_a_silent_task_give_an_empty_output) {
  Loaded loaded("hostile");
  const GuestOutcome empty = loaded.guest->frame({}, {});
  BOOST_TEST((empty.kind == GuestOutcome::Kind::ok));
  BOOST_TEST(empty.output.empty());
  BOOST_TEST(number(ask(loaded, hostile::count)) == 1U);
  const GuestOutcome silent = ask(loaded, hostile::silent);
  BOOST_TEST((silent.kind == GuestOutcome::Kind::ok));
  BOOST_TEST(silent.output.empty());
}

BOOST_AUTO_TEST_CASE(a_failure_code_is_the_tasks_and_does_not_end_it) {
  Loaded loaded("hostile");
  const GuestOutcome failed = ask(loaded, hostile::fail);
  BOOST_TEST((failed.kind == GuestOutcome::Kind::failed));
  BOOST_TEST(failed.code == 7);
  BOOST_TEST(number(ask(loaded, hostile::count)) == 1U);
  BOOST_TEST(number(ask(loaded, hostile::count)) == 2U);
}

BOOST_AUTO_TEST_CASE(each_load_starts_with_empty_state) {
  {
    Loaded first("hostile");
    BOOST_TEST(number(ask(first, hostile::count)) == 1U);
    BOOST_TEST(number(ask(first, hostile::count)) == 2U);
  }
  Loaded second("hostile");
  BOOST_TEST(number(ask(second, hostile::count)) == 1U);
}

BOOST_AUTO_TEST_CASE(two_guests_of_one_object_keep_their_state_apart) {
  Loaded first("hostile");
  auto second = Guest::load(first.file.fd(), {16}, first.host);
  BOOST_REQUIRE(second.has_value());
  BOOST_TEST(number(ask(first, hostile::count)) == 1U);
  const std::array<std::uint8_t, 1> frame{hostile::count};
  BOOST_TEST(number((*second)->frame({}, frame)) == 1U);
  BOOST_TEST(number(ask(first, hostile::count)) == 2U);
}

BOOST_AUTO_TEST_CASE(open_can_refuse_and_close_reaches_the_task) {
  Loaded loaded("hostile");
  const GuestOutcome refused = loaded.guest->open({0, hostile::refused_width, 1});
  BOOST_TEST((refused.kind == GuestOutcome::Kind::failed));
  BOOST_TEST(refused.code == 102);
  BOOST_TEST((loaded.guest->close().kind == GuestOutcome::Kind::ok));
  BOOST_REQUIRE(loaded.host.logged.size() == 1);
  BOOST_TEST(loaded.host.logged[0] == "1 closed");
}

BOOST_AUTO_TEST_CASE(host_functions_get_bounded_clean_arguments) {
  Loaded loaded("hostile");
  BOOST_TEST((ask(loaded, hostile::log).kind == GuestOutcome::Kind::ok));
  BOOST_REQUIRE(loaded.host.logged.size() == 1);
  BOOST_TEST(loaded.host.logged[0] == "2 one two [31m three");
  BOOST_TEST(number(ask(loaded, hostile::now)) == 4242U);
  BOOST_TEST(number(ask(loaded, hostile::people, 9)) == static_cast<std::uint32_t>(-2));
  BOOST_REQUIRE(loaded.host.calls.size() == 1);
  BOOST_TEST(loaded.host.calls[0] == "vision.hog_people 9 16");
}

BOOST_AUTO_TEST_CASE(a_module_that_may_grow_beyond_the_manifest_is_refused_at_load) {
  ObjectFile file(proxima::tests::object_of("hostile"));
  RecordingHost host;
  const auto loaded = Guest::load(file.fd(), {3}, host);
  BOOST_REQUIRE(!loaded.has_value());
  BOOST_TEST(loaded.error().why == "its module may grow to 4 MiB, the manifest says 3");
}

BOOST_AUTO_TEST_CASE(what_is_no_object_is_refused) {
  RecordingHost host;
  const std::vector<std::uint8_t> garbage(5000, 0x41);
  const ObjectFile garbage_file(garbage);
  BOOST_TEST(!Guest::load(garbage_file.fd(), {16}, host).has_value());
  const ObjectFile empty({});
  BOOST_TEST(!Guest::load(empty.fd(), {16}, host).has_value());
  BOOST_TEST(!Guest::load(-1, {16}, host).has_value());
  const auto& object = proxima::tests::object_of("hostile");
  const std::span<const std::uint8_t> whole(object);
  const ObjectFile cut(whole.first(whole.size() / 2));
  BOOST_TEST(!Guest::load(cut.fd(), {16}, host).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "proxima/boxes.hpp"
#include "tests/unit/guest/clips.hpp"

namespace boxes = proxima::boxes;
using namespace proxima::tests;
using proxima::worker::GuestOutcome;

BOOST_AUTO_TEST_SUITE(motion)

BOOST_AUTO_TEST_CASE(native_results_equal_nodes_bit_for_bit) {
  const auto clip = synthetic_clip();
  const std::string native = run_native("motion", clip);
  BOOST_TEST(native == run_in_node("motion", clip));
}

BOOST_AUTO_TEST_CASE(the_two_walkers_are_found_where_they_are) {
  const auto clip = synthetic_clip();
  Loaded loaded("motion");
  BOOST_REQUIRE(loaded.guest->open({grey8, width, height}).code == 0);
  GuestOutcome outcome;
  for (const Frame& frame : clip) outcome = loaded.guest->frame({grey8, width, height}, frame);
  BOOST_REQUIRE(boxes::count(outcome.output.data(), outcome.output.size()) >= 2);
  int found = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const boxes::Box box = boxes::at(outcome.output.data(), i);
    BOOST_TEST(std::string(box.label, boxes::label_length(box)) == "moving");
    const int n = frames - 1;
    const int left = box.y < 120 ? 4 * n : 300 - 3 * n;
    const int top = box.y < 120 ? 60 : 150;
    const bool covers = box.x <= left + 4 && box.x + box.w >= left + 10 && box.y <= top + 4 && box.y + box.h >= top + 36;
    BOOST_TEST(covers, "box " << box.x << ',' << box.y << ' ' << box.w << 'x' << box.h);
    found += covers ? 1 : 0;
  }
  BOOST_TEST(found == 2);
}

BOOST_AUTO_TEST_CASE(a_still_picture_has_no_boxes) {
  Loaded loaded("motion");
  BOOST_REQUIRE(loaded.guest->open({grey8, width, height}).code == 0);
  const Frame grey(width * height, 128);
  for (int i = 0; i < 5; ++i) {
    const auto outcome = loaded.guest->frame({grey8, width, height}, grey);
    BOOST_TEST(boxes::count(outcome.output.data(), outcome.output.size()) == 0);
  }
}

BOOST_AUTO_TEST_CASE(one_changed_constant_in_the_source_changes_the_results) {
  const auto clip = synthetic_clip();
  const std::string changed = run_native("motion_changed", clip);
  BOOST_TEST(changed != run_native("motion", clip));
  BOOST_TEST(changed == run_in_node("motion_changed", clip));
}

BOOST_AUTO_TEST_CASE(other_shapes_work_and_wrong_ones_fail_by_code) {
  Loaded loaded("motion");
  BOOST_TEST(loaded.guest->open({0, width, height}).code == 100);
  BOOST_REQUIRE(loaded.guest->open({grey8, width, height}).code == 0);
  BOOST_TEST(loaded.guest->frame({grey8, 320, 180}, Frame(320 * 180, 9)).code == 0);
  BOOST_TEST(loaded.guest->frame({grey8, 8, 8}, Frame(64, 9)).code == 0);
  BOOST_TEST(loaded.guest->frame({grey8, width, height}, Frame(100)).code == 101);
  BOOST_TEST(loaded.guest->frame({grey8, 321, 240}, Frame(321 * 240)).code == 101);
  BOOST_TEST(loaded.guest->frame({grey8, 0, 0}, {}).code == 101);
  BOOST_TEST(loaded.guest->frame({2, width, height}, Frame(100)).code == 100);
}

BOOST_AUTO_TEST_SUITE_END()

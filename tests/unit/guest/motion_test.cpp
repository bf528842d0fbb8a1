#include <boost/test/unit_test.hpp>
#include <sstream>

#include "common/base/prng.hpp"
#include "proxima/boxes.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/guest/objects.hpp"

namespace boxes = proxima::boxes;
using proxima::tests::Loaded;
using proxima::worker::GuestOutcome;

namespace {

constexpr int width = 320;
constexpr int height = 240;
constexpr int frames = 40;
constexpr std::uint8_t grey8 = 1;

using Frame = std::vector<std::uint8_t>;

/// A noisy, slanted background with two "people" that walk across it from opposite sides.
std::vector<Frame> synthetic_clip() {
  proxima::Prng prng(7);
  std::vector<Frame> clip;
  for (int n = 0; n < frames; ++n) {
    Frame frame(width * height);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        frame[static_cast<std::size_t>(y * width + x)] =
            static_cast<std::uint8_t>(90 + x / 8 + y / 6 + static_cast<int>(prng.next() % 5));
    const auto walker = [&](int left, int top, std::uint8_t shade) {
      for (int y = top; y < top + 40; ++y)
        for (int x = std::max(left, 0); x < std::min(left + 14, width); ++x)
          frame[static_cast<std::size_t>(y * width + x)] = shade;
    };
    if (n > 5) {
      walker(4 * n, 60, 20);
      walker(300 - 3 * n, 150, 240);
    }
    clip.push_back(std::move(frame));
  }
  return clip;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

/// One line a call, as run.mjs prints them.
std::string run_native(const std::string& name, const std::vector<Frame>& clip) {
  Loaded loaded(name);
  std::ostringstream out;
  const auto opened = loaded.guest->open({grey8, width, height});
  out << "open " << opened.code << '\n';
  for (const Frame& frame : clip) {
    const GuestOutcome outcome = loaded.guest->frame({grey8, width, height}, frame);
    out << "frame " << outcome.code << ' ' << hex(outcome.output) << '\n';
  }
  return out.str();
}

std::string run_in_node(const std::string& name, const std::vector<Frame>& clip) {
  const proxima::tests::TempDir folder;
  proxima::builder::Bytes file;
  for (const Frame& frame : clip) {
    for (unsigned i = 0; i < 4; ++i) file.push_back(static_cast<std::uint8_t>(frame.size() >> (8 * i)));
    file.insert(file.end(), frame.begin(), frame.end());
  }
  BOOST_REQUIRE(proxima::builder::write_file(folder.file("frames"), std::span<const std::uint8_t>(file)));
  const auto module = proxima::tests::module_of(name);
  BOOST_REQUIRE(proxima::builder::write_file(folder.file("task.wasm"), std::span<const std::uint8_t>(module)));
  const auto done = proxima::tests::run({"node", PROXIMA_RUN_MJS, folder.file("task.wasm"), folder.file("frames"), "1",
                                         std::to_string(width), std::to_string(height)});
  BOOST_REQUIRE_MESSAGE(done.status == 0, done.output);
  return done.output;
}

}  // namespace

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

// The same module on another processor, run by qemu. Built only where its compiler and emulator are.
#include <boost/test/unit_test.hpp>

#include "tests/unit/guest/clips.hpp"
#include "tests/unit/guest/guests/hostile.hpp"

using namespace proxima::tests;

namespace {

std::string run_on_aarch64(const std::string& name, const std::vector<Frame>& clip, int format) {
  const auto object = the_builder().build(module_of(name), {"aarch64-linux-gnu", "scalar", 16});
  BOOST_REQUIRE_MESSAGE(object.has_value(), (object ? std::string{} : object.error().text()));
  const TempDir folder;
  BOOST_REQUIRE(proxima::builder::write_file(folder.file("object.so"), std::span<const std::uint8_t>(*object)));
  write_frames(folder.file("frames"), clip);
  const auto done = run({PROXIMA_QEMU_AARCH64, "-L", "/usr/aarch64-linux-gnu", PROXIMA_AARCH64_RUNNER, folder.file("object.so"),
                         folder.file("frames"), std::to_string(format), std::to_string(width), std::to_string(height)});
  BOOST_REQUIRE_MESSAGE(done.status == 0, done.output);
  return done.output;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(aarch64)

BOOST_AUTO_TEST_CASE(motions_results_are_the_same_bits_as_here) {
  const auto clip = synthetic_clip();
  BOOST_TEST(run_on_aarch64("motion", clip, grey8) == run_native("motion", clip));
}

BOOST_AUTO_TEST_CASE(traps_have_the_same_names) {
  BOOST_TEST(run_on_aarch64("hostile", {{hostile::write_beyond}}, 0) == "open 0\ntrap out-of-bounds memory access\n");
  BOOST_TEST(run_on_aarch64("hostile", {{hostile::divide_by_zero}}, 0) == "open 0\ntrap integer divide by zero\n");
  BOOST_TEST(run_on_aarch64("hostile", {{hostile::divide_overflow}}, 0) == "open 0\ntrap integer overflow\n");
}

BOOST_AUTO_TEST_SUITE_END()

// A real worker with hand-written objects: frames, isolation, every way to end.
#define BOOST_TEST_MODULE worker
#include <boost/test/unit_test.hpp>

#include "tests/integration/worker/rig.hpp"

namespace {

using namespace proxima;
using namespace proxima::test;

std::string text_of(const Answer& answer) { return {answer.output.begin(), answer.output.end()}; }

/// Ready, or a message that says why not.
bool is_ready(Rig& rig) {
  const bool ready = rig.until_ready();
  if (!ready) BOOST_TEST_MESSAGE("gone: " << *rig.gone);
  return ready;
}

BOOST_AUTO_TEST_CASE(a_frame_goes_through_shared_memory_and_comes_back) {
  Rig rig;
  BOOST_REQUIRE(rig.start(spec_of("obedient")));
  BOOST_REQUIRE(is_ready(rig));
  const auto answer = rig.run("echo this");
  BOOST_REQUIRE(answer);
  BOOST_CHECK(answer->ok);
  BOOST_CHECK_EQUAL(text_of(*answer), "echo this");
  rig.stop();
  BOOST_CHECK_EQUAL(*rig.gone, "stopped");
}

}  // namespace

#include <boost/test/unit_test.hpp>
#include <sodium.h>

namespace {
struct Libraries {
  Libraries() { BOOST_REQUIRE(sodium_init() >= 0); }
};
}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(Libraries);

#define BOOST_TEST_MODULE coordinator_core
#include <boost/test/unit_test.hpp>

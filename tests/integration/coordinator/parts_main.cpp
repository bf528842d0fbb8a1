#define BOOST_TEST_MODULE coordinator_parts
#include <boost/test/unit_test.hpp>

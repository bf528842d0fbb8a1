#define BOOST_TEST_MODULE coordinator_api
#include <boost/test/unit_test.hpp>

#define BOOST_TEST_MODULE unit_agent
#include <boost/test/unit_test.hpp>

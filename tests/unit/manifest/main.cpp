#define BOOST_TEST_MODULE manifest
#include <boost/test/unit_test.hpp>

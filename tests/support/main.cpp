// The main program of every test: Boost.Test's, compiled once.
#define BOOST_TEST_MODULE proxima
#include <boost/test/unit_test.hpp>

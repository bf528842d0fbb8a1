// libproxima.so is made of the client library's archive; CMake wants one source of its own.
#include "sdk/include/proxima/client.hpp"

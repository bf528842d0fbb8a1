# find_package(proxima): gives proxima::client, the client library of proxima/client.hpp.
include(${CMAKE_CURRENT_LIST_DIR}/proximaTargets.cmake)

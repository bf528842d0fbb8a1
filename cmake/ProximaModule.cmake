# One call a module: a static library with the project's options.
#
#   proxima_module(NAME proxima_coordinator_core
#     SOURCES a.cpp b.cpp
#     USES proxima_base proxima_protocol        # other modules and imported targets, all PUBLIC
#     [PRIVATE_USES uv_a])
#
# Sources are named one by one. Includes are written from the project's root: "common/base/result.hpp".
function(proxima_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  if(M_UNPARSED_ARGUMENTS OR NOT M_NAME)
    message(FATAL_ERROR "proxima_module: cannot read the arguments: ${M_UNPARSED_ARGUMENTS}")
  endif()
  if(M_SOURCES)
    add_library(${M_NAME} STATIC ${M_SOURCES})
    target_link_libraries(${M_NAME} PUBLIC proxima_options ${M_USES} PRIVATE ${M_PRIVATE_USES})
  else()
    add_library(${M_NAME} INTERFACE)
    target_link_libraries(${M_NAME} INTERFACE proxima_options ${M_USES})
  endif()
endfunction()

# A program in build/<preset>/bin.
function(proxima_program)
  cmake_parse_arguments(P "" "NAME" "SOURCES;USES" ${ARGN})
  add_executable(${P_NAME} ${P_SOURCES})
  target_link_libraries(${P_NAME} PRIVATE proxima_options ${P_USES})
  # A main.cpp reads the command line once: small, and compiled quickly.
  foreach(source ${P_SOURCES})
    if(source MATCHES "main\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
    endif()
  endforeach()
endfunction()

# A Boost.Test program, registered with CTest under its own name and the given labels.
function(proxima_test)
  cmake_parse_arguments(T "SERIAL" "NAME;TIMEOUT" "SOURCES;USES;LABELS;ARGS" ${ARGN})
  add_executable(${T_NAME} ${T_SOURCES} $<TARGET_OBJECTS:proxima_test_main>)
  target_link_libraries(${T_NAME} PRIVATE proxima_options ${T_USES} Boost::unit_test_framework)
  target_compile_definitions(${T_NAME} PRIVATE BOOST_TEST_DYN_LINK)
  target_precompile_headers(${T_NAME} REUSE_FROM proxima_test_precompiled)
  # A test's own code runs for milliseconds and compiles for minutes: only what it tests is optimised.
  target_compile_options(${T_NAME} PRIVATE $<$<CONFIG:Release>:-O0>)
  set_target_properties(${T_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} ${T_ARGS})
  set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
  if(T_SERIAL)
    set_tests_properties(${T_NAME} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

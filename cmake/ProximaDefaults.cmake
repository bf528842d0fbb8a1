# Language, warnings and code generation for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Release is -O2 without debug information: -O3 gains nothing on our hot paths' system calls, and -g costs a third of a build.
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(PROXIMA_CCACHE ccache)
if(PROXIMA_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${PROXIMA_CCACHE})
  # What ccache must overlook to work with precompiled headers, by its manual.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${PROXIMA_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

add_library(proxima_options INTERFACE)
target_compile_options(proxima_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  -ffp-contract=off -fno-strict-aliasing -ffunction-sections -fdata-sections)
target_link_options(proxima_options INTERFACE -Wl,--gc-sections -Wl,--as-needed)
target_include_directories(proxima_options INTERFACE ${CMAKE_SOURCE_DIR})

set(PROXIMA_SANITIZE "" CACHE STRING "sanitizers: address,undefined or thread")
if(PROXIMA_SANITIZE)
  add_compile_options(-fsanitize=${PROXIMA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PROXIMA_SANITIZE})
endif()

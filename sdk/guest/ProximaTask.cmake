# Compiles a task from C++ to one portable module, with the flags of docs/tasks.md.
#
#   proxima_task(NAME motion SOURCES motion.cpp MEMORY_MIB 16 [MANIFEST task.toml] [FOLDER tasks] [DEFINES NAME=value])
#
# Makes <build>/<FOLDER>/<NAME>/<NAME>.wasm (and a copy of the manifest beside it) as part of the target proxima_tasks.
set(PROXIMA_GUEST_FOLDER ${CMAKE_CURRENT_LIST_DIR})
find_program(PROXIMA_GUEST_COMPILER clang++-14 REQUIRED)
if(NOT TARGET proxima_tasks)
  add_custom_target(proxima_tasks ALL)
endif()

set(PROXIMA_GUEST_FLAGS
  --target=wasm32-wasi -std=c++20 -O2 -ffp-contract=off -fno-exceptions -fno-rtti -fno-threadsafe-statics
  -fvisibility=hidden -ffunction-sections -fdata-sections -mexec-model=reactor
  -Wall -Wextra -Wconversion -Wshadow -Werror
  -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=65536 -Wl,--stack-first)

function(proxima_task)
  cmake_parse_arguments(T "" "NAME;MEMORY_MIB;MANIFEST;FOLDER" "SOURCES;DEFINES" ${ARGN})
  if(NOT T_FOLDER)
    set(T_FOLDER tasks)
  endif()
  set(folder ${CMAKE_BINARY_DIR}/${T_FOLDER}/${T_NAME})
  set(module ${folder}/${T_NAME}.wasm)
  math(EXPR memory_bytes "${T_MEMORY_MIB} * 1048576")
  set(defines ${T_DEFINES})
  list(TRANSFORM defines PREPEND -D)
  set(sources)
  foreach(source ${T_SOURCES})
    get_filename_component(source ${source} ABSOLUTE)
    list(APPEND sources ${source})
  endforeach()
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${module}
    COMMAND ${PROXIMA_GUEST_COMPILER} ${PROXIMA_GUEST_FLAGS} -Wl,--max-memory=${memory_bytes} ${defines}
            -I ${PROXIMA_GUEST_FOLDER}/../include -o ${module} ${sources} ${PROXIMA_GUEST_FOLDER}/support.cpp
    DEPENDS ${sources} ${PROXIMA_GUEST_FOLDER}/support.cpp ${PROXIMA_GUEST_FOLDER}/../include/proxima/guest.hpp
            ${PROXIMA_GUEST_FOLDER}/../include/proxima/boxes.hpp
    COMMENT "Compiling the task ${T_NAME} to wasm" VERBATIM)
  set(outputs ${module})
  if(T_MANIFEST)
    add_custom_command(OUTPUT ${folder}/task.toml
      COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/${T_MANIFEST} ${folder}/task.toml
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${T_MANIFEST} VERBATIM)
    list(APPEND outputs ${folder}/task.toml)
  endif()
  add_custom_target(proxima_task_${T_NAME} DEPENDS ${outputs})
  add_dependencies(proxima_tasks proxima_task_${T_NAME})
endfunction()

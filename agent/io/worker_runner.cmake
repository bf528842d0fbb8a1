# Starts and watches workers and host-function processes.
proxima_module(NAME proxima_worker_runner
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/worker_runner.cpp ${CMAKE_CURRENT_LIST_DIR}/worker_spawn.cpp
  USES proxima_base proxima_channel PkgConfig::uv)

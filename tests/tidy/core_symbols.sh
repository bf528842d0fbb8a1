#!/bin/sh
# A core archive refers to no clock, file, socket, thread, environment or entropy.
#   core_symbols.sh ARCHIVE...      prints each forbidden symbol with its archive; exit status 1 if any
set -eu
forbidden='::now\(\)|clock_gettime|gettimeofday|\btime$|nanosleep|usleep|sleep_for|fopen|\bopen(at)?(64)?$|fstream|basic_filebuf|std::filesystem|\bsocket$|\bconnect$|\bsend(to|msg)?$|\brecv(from|msg)?$|pthread_create|std::thread|std::mutex|pthread_mutex|condition_variable|getenv|setenv|random_device|\bs?rand(om)?(48)?$|getrandom|getentropy|\bprintf$|std::cout|std::cerr|ios_base::Init|\bwrite$|\bread$|\bfork$|\bexec|\bsystem$|\b(sin|cos|tan|exp|log|log2|log10|pow|cbrt|hypot|atan2?)f?$'
status=0
for archive in "$@"; do
  found=$(nm -C --undefined-only "$archive" 2>/dev/null | awk '$1 == "U" { $1 = ""; print substr($0, 2) }' | sort -u | grep -E "$forbidden" || true)
  if [ -n "$found" ]; then
    printf '%s\n' "$found" | sed "s|^|$archive: |"
    status=1
  fi
done
[ $status -eq 0 ] && echo "$# archive(s) clean"
exit $status

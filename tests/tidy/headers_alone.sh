#!/bin/sh
# Every header compiles alone.   headers_alone.sh COMPILER ROOT FLAGS... -- FOLDER...
set -eu
compiler=$1; root=$2; shift 2
flags=
while [ "$1" != -- ]; do flags="$flags $1"; shift; done
shift
cd "$root"
find "$@" -name '*.hpp' -not -path '*/planted/*' | sort | xargs -P 2 -I{} sh -c '
  '"$compiler"' -std=c++20 -fsyntax-only -x c++ -Wall -Wextra -I. -Isdk/include '"$flags"' -include "{}" /dev/null || { echo "{}: does not compile alone"; exit 1; }'

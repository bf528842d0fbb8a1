#!/usr/bin/env bash
# installed_package.sh BUILD OUTSIDE CXX: installs BUILD to a fresh prefix, builds the program in OUTSIDE against it with
# find_package(proxima), starts a region of the installed programs, and streams with it.
set -euo pipefail
build=$1 outside=$2 compiler=$3
place=$(mktemp -d)
up=
finish() {
  if [ -n "$up" ] && kill -0 "$up" 2>/dev/null; then
    kill -TERM "$up"
    wait "$up" || true
  fi
  rm -rf "$place"
}
trap finish EXIT

cmake --install "$build" --prefix "$place/prefix" >"$place/install.log" || { cat "$place/install.log"; exit 1; }
cp -r "$outside" "$place/outside"
cmake -S "$place/outside" -B "$place/outside/build" -DCMAKE_PREFIX_PATH="$place/prefix" -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
cmake --build "$place/outside/build"

mkfifo "$place/ready"
export PATH="$PATH:/usr/sbin"
"$place/prefix/bin/proxima" up --insecure-loopback --json --dir "$place/region" >"$place/ready" 2>"$place/up.log" &
up=$!
read -r line <"$place/ready" || { cat "$place/up.log"; exit 1; }
api=$(sed -E 's/.*"api":"([^"]+)".*/\1/' <<<"$line")
"$place/outside/build/outside" "$api" "$place/prefix/share/proxima/tasks/motion" || { cat "$place/up.log"; exit 1; }

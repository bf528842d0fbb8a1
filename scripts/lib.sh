# Shared by the scripts: where things are, words on stderr, steps with their time. Sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="$root/build/cache"

say() { printf '%s\n' "$*" >&2; }

die() {  # what, [what to try]
  say "error: $1"
  [ $# -gt 1 ] && say "  try: $2"
  exit 1
}

# step WORDS COMMAND...: says what is done, shows that it goes on, says how long it took; the output is shown only if it fails.
step() {
  local words=$1; shift
  local log start pid shown=0
  log=$(mktemp)
  start=$SECONDS
  printf '%s … ' "$words" >&2
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if [ $(( (SECONDS - start) / 10 )) -gt "$shown" ]; then
      shown=$(( (SECONDS - start) / 10 ))
      local last
      last=$(tail -c 300 "$log" | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*m//g' | grep -v '^ *$' | tail -1 | cut -c1-60)
      printf '\n    %s s  %s ' "$((SECONDS - start))" "$last" >&2
    fi
  done
  if wait "$pid"; then
    say "done ($((SECONDS - start)) s)"
    rm -f "$log"
  else
    say "failed after $((SECONDS - start)) s"
    tail -60 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root" "run this as root, or install sudo"
  fi
}

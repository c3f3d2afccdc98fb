# To be sourced: the processes of `make up`, and how they are told from others. A pid alone may have
# become another's: what was started then is known by its start time.

# PostgreSQL's user has to get there, which root's own folder does not let it.
if [ "$(id -u)" = 0 ]; then cache=/var/cache; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
up=${UP_DIR:-$cache/crypto-pipeline/up}

# Ticks from boot to the start of a process: field 22, after a name that may hold anything.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# Starts a process of its own session, with the signal that ends it.
start() {
  local name=$1 signal=$2
  shift 2
  setsid --fork sh -c 'echo "$$" >"$1"; shift; exec "$@"' "$name" "$up/pids/$name.new" "$@" \
    >"$up/logs/$name" 2>&1 </dev/null 9>&-
  until [ -s "$up/pids/$name.new" ]; do sleep 0.01; done
  local pid
  pid=$(cat "$up/pids/$name.new")
  echo "$pid $(started_at "$pid") $signal" >"$up/pids/$name"
  rm "$up/pids/$name.new"
}

# Whether the process of that name runs, and is the one that was started.
is_ours() {
  local pid started signal
  read -r pid started signal 2>/dev/null <"$up/pids/$1" || return 1
  [ -n "$started" ] && [ "$(started_at "$pid")" = "$started" ] &&
    ! grep -qs '^State:[[:space:]]*[ZX]' "/proc/$pid/status"
}

any_of_ours() {
  local noted
  for noted in "$up"/pids/*; do
    [ -f "$noted" ] && is_ours "$(basename "$noted")" && return
  done
  return 1
}

# Asks it to end, waits, and ends it.
stop() {
  local name=$1 pid started signal tries=0
  read -r pid started signal 2>/dev/null <"$up/pids/$name" || return 0
  if is_ours "$name"; then
    kill -s "$signal" "$pid"
    while is_ours "$name" && [ $((tries += 1)) -le 150 ]; do sleep 0.1; done
    ! is_ours "$name" || kill -s KILL "$pid"
    while is_ours "$name"; do sleep 0.1; done
  fi
  rm -f "$up/pids/$name"
}

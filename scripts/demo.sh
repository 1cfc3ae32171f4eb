#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, starts the bridge and the sandbox (a stand-in for ServiceNow) and
# stays until Ctrl-C. Ports: BRIDGE_PORT (5000) and SANDBOX_PORT (5080). PRESET picks the build. What both
# remember is in STATE_DIR (build/demo-state): chats go on after the end of either, kill -9 included.
set -euo pipefail

root=$(cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

case ${1:-} in
  '') ;;
  -h | --help)
    say 'demo.sh: builds and runs bridge and sandbox; environment: BRIDGE_PORT (5000), SANDBOX_PORT (5080), PRESET (release), STATE_DIR
  (build/demo-state; remove it to begin anew), JOBS'
    exit 0
    ;;
  *) die 'demo.sh takes no arguments; see --help' ;;
esac

preset=${PRESET:-release}
bridge_port=${BRIDGE_PORT:-5000}
sandbox_port=${SANDBOX_PORT:-5080}
bridge_url=http://127.0.0.1:$bridge_port
sandbox_url=http://127.0.0.1:$sandbox_port
agent=alex.rep
logs=$root/build/demo
state=${STATE_DIR:-$root/build/demo-state}
bridge_store=$state/bridge-$bridge_port.db
sandbox_store=$state/sandbox-$sandbox_port.db
bridge_log=$logs/bridge-$bridge_port.log
sandbox_log=$logs/sandbox-$sandbox_port.log
start_limit=60
stop_limit=25
bridge_pid=
sandbox_pid=
build_pid=

# Port number, whose it shall be, variable that moves it.
require_free_port() {
  local status=0
  curl -s -o /dev/null --noproxy '*' --max-time 2 "http://127.0.0.1:$1/" || status=$?
  # 7: refused, so nobody listens there.
  [ "$status" -eq 7 ] ||
    die "demo: port $1, meant for the $2, is taken by another program. End that, or choose another: $3=$(($1 + 1)) $0"
}

running() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

end_programs() {
  trap '' INT TERM HUP
  if running "$build_pid"; then kill -TERM -- "-$build_pid" 2>/dev/null || true; fi
  # The bridge first: it says goodbye to ServiceNow and to its readers.
  local pid deadline
  for pid in $bridge_pid $sandbox_pid; do
    running "$pid" || continue
    kill -TERM "$pid" 2>/dev/null || true
    deadline=$((SECONDS + stop_limit))
    while running "$pid" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
    if running "$pid"; then
      complain "demo: process $pid did not end in $stop_limit s and is killed"
      kill -KILL "$pid" 2>/dev/null || true
    fi
    wait "$pid" 2>/dev/null || true
  done
}

# Name, log.
died() {
  complain "demo: the $1 has ended by itself; the end of its log, $2:"
  tail -n 20 "$2" >&2 || true
  exit 1
}

require_both() {
  running "$sandbox_pid" || died sandbox "$sandbox_log"
  running "$bridge_pid" || died bridge "$bridge_log"
}

# Name, URL that must answer 2xx, log.
await() {
  local deadline=$((SECONDS + start_limit))
  until curl -fs -o /dev/null --noproxy '*' --max-time 2 "$2"; do
    require_both
    [ "$SECONDS" -lt "$deadline" ] || die "demo: the $1 does not answer at $2 after $start_limit s; see $3"
    sleep 0.2
  done
}

scripts/bootstrap.sh --build
require_free_port "$sandbox_port" sandbox SANDBOX_PORT
require_free_port "$bridge_port" bridge BRIDGE_PORT

trap end_programs EXIT
trap 'say; say "demo: ending"; exit 0' INT TERM HUP

mkdir -p "$logs"
(umask 077 && mkdir -p "$state")
configured=$logs/configure-$preset.log
cmake --preset "$preset" >"$configured" 2>&1 || {
  cat "$configured" >&2
  die 'demo: cmake could not configure'
}
say "demo: building (preset $preset; the first time takes some minutes)"
# In the background, because a signal is taken only while the shell waits, not while it runs something.
setsid cmake --build --preset "$preset" -j "$(job_count)" --target handoff-bridge handoff-sandbox </dev/null &
build_pid=$!
wait "$build_pid" || die 'demo: the build failed'
build_pid=
bin=$root/build/$preset/bin

: "${AGENT_API_SECRET:=$(openssl rand -hex 32)}"
: "${CS_API_KEY:=$(openssl rand -hex 32)}"
# The same as the last time: it opens what was sealed then.
store_key=$state/store.key
[ -s "$store_key" ] || (umask 077 && openssl rand -hex 32 >"$store_key")

# Their own sessions: Ctrl-C then reaches only this script, which ends them in order.
setsid "$bin/handoff-sandbox" --port "$sandbox_port" --scripts servicenow --bridge "$bridge_url" \
  --auto-accept "$agent" --agent-auth key --agent-key "$CS_API_KEY" --data "$sandbox_store" </dev/null >"$sandbox_log" 2>&1 &
sandbox_pid=$!

settings=$("$bin/handoff-sandbox" --port "$sandbox_port" --print-env)
mapfile -t settings <<<"$settings"
setsid env -u BRIDGE_PORT -u SANDBOX_PORT "${settings[@]}" ALLOW_INSECURE_UPSTREAM=1 BRIDGE_HOST=127.0.0.1 PORT="$bridge_port" \
  AGENT_API_SECRET="$AGENT_API_SECRET" CS_API_KEY="$CS_API_KEY" CS_SERVICE_HOSTS=127.0.0.1 WEB_DIR="$root/web" \
  BRIDGE_STORE="sqlite:$bridge_store" STORE_KEY_FILE="$store_key" \
  "$bin/handoff-bridge" serve </dev/null >"$bridge_log" 2>&1 &
bridge_pid=$!

await sandbox "$sandbox_url/sandbox/interactions" "$sandbox_log"
await bridge "$bridge_url/readyz" "$bridge_log"
require_both

cat <<END

  chat page               $bridge_url/
  the same in Copilot     $sandbox_url/copilot/
  list of interactions    $sandbox_url/sandbox/interactions

  $agent accepts every chat, greets and answers. To say something else as $agent:
    curl -d '{"agent":"$agent","text":"Hello"}' $sandbox_url/sandbox/interactions/<number>/message
  One whole handoff, checked:  scripts/probe.sh --url $bridge_url --expect-agent
  X-Agent-Secret:  $AGENT_API_SECRET
  Logs:  $bridge_log
         $sandbox_log
  State: $state
  Ctrl-C ends both.
END

wait -n "$bridge_pid" "$sandbox_pid" || true
require_both

#!/bin/sh
# SPDX-License-Identifier: MIT
# README's first command and the probe, against each other: the demo comes up, the probe passes, and
# TERM ends the demo and leaves nothing behind. PRESET says which build to use (dev).
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"

ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')
BRIDGE_PORT=${ports% *}
SANDBOX_PORT=${ports#* }
PRESET=${PRESET:-dev}
export BRIDGE_PORT SANDBOX_PORT PRESET

log=$(mktemp)
STATE_DIR=$(mktemp -d)
export STATE_DIR
demo=
finish() {
  status=$?
  if [ -n "$demo" ]; then
    kill -TERM "$demo" 2>/dev/null || true
    wait "$demo" || true
  fi
  rm -rf "$log" "$STATE_DIR"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

answers() { curl -s -o /dev/null --noproxy '*' --max-time 2 "http://127.0.0.1:$1/"; }

"$root/scripts/demo.sh" >"$log" 2>&1 &
demo=$!
# The demo itself gives up long before this.
left=300
until grep -q 'Ctrl-C ends both' "$log"; do
  left=$((left - 1))
  if [ "$left" -eq 0 ] || ! kill -0 "$demo" 2>/dev/null; then
    cat "$log" >&2
    die "the demo did not come up"
  fi
  sleep 1
done

"$root/scripts/probe.sh" --url "http://127.0.0.1:$BRIDGE_PORT" --expect-agent

kill -TERM "$demo"
ended=0
wait "$demo" || ended=$?
demo=
[ "$ended" -eq 0 ] || die "the demo should have ended with 0 after TERM; it was $ended"
if answers "$BRIDGE_PORT" || answers "$SANDBOX_PORT"; then
  die "the demo should have ended both programs; one still answers"
fi

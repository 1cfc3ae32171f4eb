#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What slow clients do to everybody else: the latency of /healthz at a fixed rate, alone, and while
# slowhttptest holds a thousand connections open with slow headers (-H), slow bodies (-B) and slow
# reading (-X); and the CPU time that the bridge spent. Loopback only. Prints a table; decides
# nothing. On a machine that is busy with other things run it under `chrt -f 10`.
#
#   tests/bench/slow_clients.sh [build folder, default build/release]
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${1:-build/release}
seconds=${SECONDS_EACH:-20}
connections=${CONNECTIONS:-1000}
program=$build/bin/handoff-bridge

for tool in slowhttptest python3; do
  if ! command -v "$tool" >/dev/null; then
    echo "slow_clients: skipped, $tool is not installed (apt-get install $tool)"
    exit 0
  fi
done
if [ ! -x "$program" ]; then
  echo "slow_clients: skipped, there is no $program"
  exit 0
fi

folder=$(mktemp -d)
bridge=
attack=
cleanup() {
  for child in $attack $bridge; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

# An upstream is needed by the settings only; nothing is asked of it here.
env -i PATH="$PATH" \
  SN_INSTANCE=https://dev00000.service-now.com SN_USER=bench SN_PASSWORD=bench-password \
  SN_BRIDGE_API_BASE=/api/1/bench SN_DEFAULT_USER_SYS_ID=00000000000000000000000000000001 \
  SN_DEFAULT_QUEUE_SYS_ID=00000000000000000000000000000002 \
  SN_DEFAULT_CHANNEL_SYS_ID=00000000000000000000000000000003 \
  SN_WEBHOOK_SECRET=bench-secret-0123456789 BRIDGE_HOST=127.0.0.1 PORT=0 WEB_DIR=web \
  LOG_LEVEL=info "$program" serve >"$folder/log" 2>&1 &
bridge=$!
port=
for _ in $(seq 200); do
  port=$(sed -n 's/.*listening host=127.0.0.1 port=\([0-9]*\).*/\1/p' "$folder/log")
  [ -n "$port" ] && break
  kill -0 "$bridge" 2>/dev/null || { cat "$folder/log"; exit 1; }
  sleep 0.05
done
url=http://127.0.0.1:$port

# One request every 10 ms on a connection of its own, timed from when it was due, so that a server
# that stands still is not spared.
measure() {
  python3 - "$port" "$1" "$bridge" <<'PYTHON'
import os, socket, sys, time
port, seconds, bridge = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
def cpu():
    with open(f"/proc/{bridge}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
used = cpu()
request = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
took, failed = [], 0
start = due = time.monotonic()
while due < start + seconds:
    time.sleep(max(0.0, due - time.monotonic()))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            s.sendall(request)
            answer = b""
            while chunk := s.recv(4096):
                answer += chunk
        if not answer.startswith(b"HTTP/1.1 200 "):
            failed += 1
        took.append(time.monotonic() - due)
    except OSError:
        failed += 1
    due += 0.01
took.sort()
at = lambda share: took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else float("nan")
print(f"p50 {at(.5):7.2f} ms   p99 {at(.99):7.2f} ms   max {at(1):7.2f} ms   "
      f"{len(took)} requests, {failed} failed, {cpu() - used:.2f} s CPU")
PYTHON
}

compare() {
  local name=$1
  shift
  slowhttptest -c "$connections" -r 500 -l "$((seconds + 5))" -u "$url/" -p 3 "$@" \
    >"$folder/slow" 2>&1 &
  attack=$!
  sleep 3 # the connections come at 500 a second
  printf '%-22s %s' "$name" "$(measure "$seconds")"
  kill "$attack" 2>/dev/null || true
  wait "$attack" 2>/dev/null || true
  attack=
  printf '   (held: %s)\n' "$(grep -a 'connected:' "$folder/slow" | tail -n 1 | tr -dc '0-9 ' | awk '{print $NF}')"
}

printf '%-22s %s\n' "alone" "$(measure "$seconds")"
compare "slow headers (-H)" -H -i 5
compare "slow bodies (-B)" -B -i 5 -s 8192
compare "slow reading (-X)" -X -w 10 -y 20 -n 5 -z 32
printf '%-22s %s\n' "alone again" "$(measure "$seconds")"
kill "$bridge"
wait "$bridge" || echo "slow_clients: the bridge ended with $?"
bridge=

#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds preset release and prints the figures of docs/performance.md as Markdown.
set -eu

usage() {
  cat <<'END'
run.sh [--quick] [--python-bridge FOLDER] [--python PROGRAM] [--update-docs] [-- <options of bench>]

  --quick                 a second per measurement instead of five, 2,000 sockets instead of 10,000
  --python-bridge FOLDER  measure the old Python bridge too; the folder that holds its app.py
  --python PROGRAM        the Python that has flask, requests, gunicorn, gevent-websocket
  --update-docs           also put the figures between the markers of docs/performance.md
END
}

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"

seconds=5
sockets=10000
python_bridge=
python=python3
update=no
while [ $# -gt 0 ]; do
  case $1 in
    --quick)
      seconds=1
      sockets=2000
      ;;
    --python-bridge)
      [ $# -gt 1 ] || die "--python-bridge takes a folder"
      python_bridge=$(CDPATH= cd -- "$2" && pwd)
      shift
      ;;
    --python)
      [ $# -gt 1 ] || die "--python takes a program"
      python=$2
      shift
      ;;
    --update-docs) update=yes ;;
    --)
      shift
      break
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 64
      ;;
  esac
  shift
done

cd "$root"
say "building preset release" >&2
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build build/release -j "$(job_count)" --target handoff-bridge bench >&2

figures=$(mktemp)
bench=
# shellcheck disable=SC2317  # called by the trap
finish() {
  # What the bench has started dies with it.
  if [ -n "$bench" ]; then kill "$bench" 2>/dev/null || true; fi
  rm -f "$figures"
}
trap finish EXIT
trap 'exit 130' INT TERM

set -- --bridge build/release/bin/handoff-bridge --host-folder "$root/tests/bench" \
  --seconds "$seconds" --sockets "$sockets" --python "$python" "$@"
if [ -n "$python_bridge" ]; then set -- "$@" --python-bridge "$python_bridge"; fi
build/release/bin/bench "$@" >"$figures" &
bench=$!
status=0
wait "$bench" || status=$?
bench=

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
{
  say "$(date -u +%Y-%m-%d), $(nproc) cores of ${processor:-unknown}, Linux $(uname -r), $(git describe --always --dirty 2>/dev/null || say 'no commit'), load average $(cut -d ' ' -f 1 /proc/loadavg) at the end"
  say
  cat "$figures"
} >"$figures.all"
mv "$figures.all" "$figures"
cat "$figures"

if [ "$update" = yes ] && [ "$status" -eq 0 ]; then
  awk -v figures="$figures" '
    /<!-- figures: end -->/ { skipping = 0 }
    !skipping { print }
    /<!-- figures: begin -->/ {
      skipping = 1
      while ((getline line < figures) > 0) print line
    }' docs/performance.md >docs/performance.md.new
  mv docs/performance.md.new docs/performance.md
  say "docs/performance.md has the new figures" >&2
fi
exit "$status"

#!/bin/sh
# SPDX-License-Identifier: MIT
# The chat page in Chromium, and the Microsoft 365 Agents SDK, against the two built programs. Ends
# with the sum of node's test runner.
#
#   BUILD_DIR       build folder (build/dev, else build/release)
#   BRIDGE_BINARY   handoff-bridge ($BUILD_DIR/bin/handoff-bridge)
#   SANDBOX_BINARY  handoff-sandbox ($BUILD_DIR/bin/handoff-sandbox)
#   CHROMIUM        the browser (chromium of the PATH)
#
# Arguments are spec files; without any, all are run. Screenshots and logs: build/e2e.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)

skip() {
  echo "e2e: skipped: $1" >&2
  exit 77
}

command -v npm >/dev/null 2>&1 || skip 'npm is not installed'
CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
[ -n "$CHROMIUM" ] || skip 'chromium is not installed; scripts/bootstrap.sh --with-e2e installs it'

build=${BUILD_DIR:-$root/build/dev}
if [ -z "${BUILD_DIR:-}" ] && [ ! -x "$build/bin/handoff-bridge" ]; then build=$root/build/release; fi
BRIDGE_BINARY=${BRIDGE_BINARY:-$build/bin/handoff-bridge}
SANDBOX_BINARY=${SANDBOX_BINARY:-$build/bin/handoff-sandbox}
for program in "$BRIDGE_BINARY" "$SANDBOX_BINARY"; do
  if [ ! -x "$program" ]; then
    echo "e2e: $program is not built" >&2
    exit 1
  fi
done

# The stamp says which lock file the installed packages came from.
stamp=$here/node_modules/.installed-from
if ! cmp -s "$here/package-lock.json" "$stamp"; then
  (cd "$here" && npm ci --no-audit --no-fund --loglevel=error >&2)
  cp "$here/package-lock.json" "$stamp"
fi

E2E_ROOT=$root
E2E_OUTPUT=$root/build/e2e
mkdir -p "$E2E_OUTPUT"
export E2E_ROOT E2E_OUTPUT CHROMIUM BRIDGE_BINARY SANDBOX_BINARY

if [ $# -eq 0 ]; then set -- "$here"/*.spec.mjs; fi
results=$E2E_OUTPUT/results.tap
status=0
# The programs and the browser are children of this process and are ended by it.
node --test --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=tap --test-reporter-destination="$results" "$@" || status=$?
sed -n 's/^# \(tests\|pass\|fail\|cancelled\|skipped\) \([0-9]*\)$/\1 \2/p' "$results" |
  paste -s -d , - | sed 's/,/, /g; s/^/e2e: /'
exit "$status"

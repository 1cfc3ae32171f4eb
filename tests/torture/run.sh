#!/bin/sh
# SPDX-License-Identifier: MIT
# The torture test: see docs/reliability.md, or --help. Where the machine permits it, everything runs in
# namespaces of its own, so that packets can be dropped and a disk be full, and nothing is left behind.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
# Debian's own: its aiohttp is not seen by another Python that comes first on the PATH.
python=${TORTURE_PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import aiohttp' 2>/dev/null; then
  printf '%s\n' "torture: $python has no aiohttp (Debian: python3-aiohttp)" >&2
  exit 2
fi
export PYTHONDONTWRITEBYTECODE=1

isolated='ip link set lo up && exec env TORTURE_NAMESPACE=1 "$@"'
for user in '' '--user --map-root-user'; do
  # shellcheck disable=SC2086  # empty, or two words
  if [ -z "${TORTURE_NO_NAMESPACE:-}" ] && unshare $user --net --mount --pid --fork true 2>/dev/null &&
    unshare $user --net --mount --pid --fork sh -c 'ip link set lo up' 2>/dev/null; then
    # shellcheck disable=SC2086
    exec unshare $user --net --mount --pid --fork --kill-child sh -c "$isolated" run.sh "$python" "$here/torture.py" "$@"
  fi
done
exec "$python" "$here/torture.py" "$@"

#!/bin/sh
# SPDX-License-Identifier: MIT
# The torture test: see docs/reliability.md, or --help.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
# Debian's own: its aiohttp is not seen by another Python that comes first on the PATH.
python=${TORTURE_PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import aiohttp' 2>/dev/null; then
  printf '%s\n' "torture: $python has no aiohttp (Debian: python3-aiohttp)" >&2
  exit 2
fi
PYTHONDONTWRITEBYTECODE=1 exec "$python" "$here/torture.py" "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Hosts the dev tunnel of devtunnel-create.sh until Ctrl-C. The tunnel and its address stay.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
# shellcheck source=scripts/devtunnel-lib.sh
. "$root/scripts/devtunnel-lib.sh"

usage() {
  cat <<'END'
devtunnel-host.sh [--port 5001] [--label handoff-bridge]

Hosts the tunnel that devtunnel-create.sh made, in the foreground. Ctrl-C stops it; the tunnel and
its address stay.
END
}

read_arguments "$@"
require_devtunnel

id=$(find_tunnel)
[ -n "$id" ] || die "devtunnel: there is no tunnel with the label $label; run scripts/devtunnel-create.sh first"

if command -v curl >/dev/null 2>&1 &&
  ! curl -fs -o /dev/null --noproxy '*' --max-time 3 "http://127.0.0.1:$port/healthz"; then
  complain "devtunnel: no bridge answers on port $port yet; start it: docker compose -f docker/docker-compose.yml up -d"
fi

say "devtunnel: hosting $id -> http://127.0.0.1:$port; Ctrl-C stops it"
told=no
devtunnel host "$id" | while IFS= read -r line; do
  say "$line"
  if [ "$told" = no ] && url=$(printf '%s\n' "$line" | tunnel_url) && [ -n "$url" ]; then
    told=yes
    say
    tell_public_url "$url"
    say
  fi
done

#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the dev tunnel through which ServiceNow and browsers reach a bridge on this machine, or finds
# the one made before: it keeps its address until it is deleted, or unused for 30 days.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
# shellcheck source=scripts/devtunnel-lib.sh
. "$root/scripts/devtunnel-lib.sh"

usage() {
  cat <<'END'
devtunnel-create.sh [--port 5001] [--label handoff-bridge]

Makes a Microsoft dev tunnel to the port of this machine, or finds the one with that label.

Access is anonymous: ServiceNow cannot log in to a tunnel when it calls the bridge back. So whoever
knows the address reaches the bridge; its own checks (SN_WEBHOOK_SECRET, AGENT_API_SECRET, session
tokens) are what keeps them out. Host it only while you need it, and never beside the sandbox, whose
secrets are public.
END
}

read_arguments "$@"
require_devtunnel

id=$(find_tunnel)
if [ -n "$id" ]; then
  say "devtunnel: found $id with the label $label"
else
  devtunnel create --allow-anonymous --labels "$label" --description "Handoff bridge" >/dev/null ||
    die "devtunnel: could not make a tunnel; what it says stands above"
  id=$(find_tunnel)
  [ -n "$id" ] || die "devtunnel: a tunnel was made, but 'devtunnel list' shows none with the label $label"
  say "devtunnel: made $id; access is anonymous (see --help for what that means)"
fi

# A run that was cut off may have left the tunnel without its port.
if devtunnel port list "$id" | awk -v port="$port" '{ for (i = 1; i <= NF; i++) if ($i == port) found = 1 } END { exit !found }'; then
  say "devtunnel: it forwards to port $port already"
else
  devtunnel port create "$id" -p "$port" --protocol http >/dev/null ||
    die "devtunnel: could not add port $port to $id; run this again, or scripts/devtunnel-delete.sh and begin anew"
  say "devtunnel: it forwards to port $port"
fi

url=$(devtunnel show "$id" 2>/dev/null | tunnel_url || true)
say
if [ -n "$url" ]; then
  tell_public_url "$url"
else
  say "The address is shown when it is hosted."
fi
say "Next: scripts/devtunnel-host.sh"

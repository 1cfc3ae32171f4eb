#!/bin/sh
# SPDX-License-Identifier: MIT
# Deletes the dev tunnel of devtunnel-create.sh. Its address is gone for good.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
# shellcheck source=scripts/devtunnel-lib.sh
. "$root/scripts/devtunnel-lib.sh"

usage() {
  cat <<'END'
devtunnel-delete.sh [--label handoff-bridge]

Deletes the tunnel with that label. A new one has another address.
END
}

read_arguments "$@"
require_devtunnel

id=$(find_tunnel)
if [ -z "$id" ]; then
  say "devtunnel: there is no tunnel with the label $label"
  exit 0
fi
devtunnel delete "$id" --force || die "devtunnel: could not delete $id"
say "devtunnel: deleted $id. ServiceNow still calls its address: change intranet_bridge.outbound_webhook_url."

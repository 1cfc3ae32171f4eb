# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the devtunnel scripts share; sourced after lib.sh. The script that sources it has a `usage`.

# read_arguments <arguments ...>: sets $port and $label.
read_arguments() {
  port=5001
  label=handoff-bridge
  while [ $# -gt 0 ]; do
    case $1 in
      --port | --label)
        [ $# -gt 1 ] || {
          usage >&2
          exit 64
        }
        if [ "$1" = --port ]; then port=$2; else label=$2; fi
        shift
        ;;
      --port=*) port=${1#*=} ;;
      --label=*) label=${1#*=} ;;
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
  case $port in
    '' | *[!0-9]* | ??????*)
      complain "devtunnel: --port wants a number"
      exit 64
      ;;
  esac
  case $label in
    '' | *[!A-Za-z0-9_-]*)
      complain "devtunnel: --label wants letters, digits, - and _"
      exit 64
      ;;
  esac
}

require_devtunnel() {
  command -v devtunnel >/dev/null 2>&1 ||
    die "devtunnel: the program is not installed; see https://aka.ms/devtunnels/download"
  # It says "Not logged in" with status 0 as well.
  if ! user=$(devtunnel user show 2>&1) || printf '%s' "$user" | grep -qi 'not logged in'; then
    die "devtunnel: not logged in; run: devtunnel user login"
  fi
}

# find_tunnel: the id of the tunnel with the label, or nothing.
find_tunnel() {
  list=$(devtunnel list) || die "devtunnel: 'devtunnel list' failed"
  # The id is the first column; labels are words of the row, several of them joined by commas.
  printf '%s\n' "$list" | awk -v label="$label" '
    { for (i = 2; i <= NF; i++) { n = split($i, words, ","); for (j = 1; j <= n; j++) if (words[j] == label) { print $1; exit } } }'
}

# tunnel_url: from what devtunnel prints, the address that leads to $port; not the inspection page's.
tunnel_url() {
  grep -oE "https://[A-Za-z0-9-]+-$port\\.[A-Za-z0-9.-]*devtunnels\\.ms" | head -n 1
}

tell_public_url() {
  say "Set in docker/.env (and restart the bridge):"
  say "  BRIDGE_PUBLIC_URL=$1"
  say "  TRUSTED_PROXIES=1"
  say "and in ServiceNow the property intranet_bridge.outbound_webhook_url:"
  say "  $1/api/servicenow/webhook"
}

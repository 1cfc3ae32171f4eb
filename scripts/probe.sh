#!/bin/sh
# SPDX-License-Identifier: MIT
# Plays one whole handoff against a running bridge with nothing but curl, prints every answer, and
# ends with a non-zero status and a sentence at the first surprise.
set -eu

usage() {
  cat <<'END'
probe.sh --url http://127.0.0.1:5000 [--expect-agent] [--timeout SECONDS]

Opens a session, asks for a person, sends a message and ends the chat. In ServiceNow this makes one
real interaction.

  --url URL          where the bridge is
  --expect-agent     wait until somebody has accepted the chat and has written
  --timeout SECONDS  how long each step may take (60)
END
}

url=
expect_agent=no
limit=60
while [ $# -gt 0 ]; do
  case $1 in
    --url | --timeout)
      [ $# -gt 1 ] || {
        usage >&2
        exit 64
      }
      if [ "$1" = --url ]; then url=$2; else limit=$2; fi
      shift
      ;;
    --url=*) url=${1#*=} ;;
    --timeout=*) limit=${1#*=} ;;
    --expect-agent) expect_agent=yes ;;
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
case $limit in '' | *[!0-9]*) limit=0 ;; esac
if [ -z "$url" ] || [ "$limit" -eq 0 ]; then
  usage >&2
  exit 64
fi
url=${url%/}

session=
token=
chat_open=no

surprise() {
  printf 'probe: FAILED: %s\n' "$*" >&2
  exit 1
}

# call <method> <path> [body]: leaves the answer in $status and $answer. The token goes through a
# pipe, because everybody on the machine can read arguments.
call() {
  if [ -n "$token" ]; then credential="header = \"Authorization: Bearer $token\""; else credential=; fi
  failed=0
  if [ $# -gt 2 ]; then
    both=$(printf '%s\n' "$credential" | curl -sS -K - --max-time "$limit" -X "$1" \
      -H 'Content-Type: application/json' --data-binary "$3" -w '\n%{http_code}' "$url$2") || failed=$?
  else
    both=$(printf '%s\n' "$credential" | curl -sS -K - --max-time "$limit" -X "$1" \
      -w '\n%{http_code}' "$url$2") || failed=$?
  fi
  [ "$failed" -eq 0 ] || surprise "$1 $2 should have been answered by $url; curl gave up with code $failed"
  status=$(printf '%s\n' "$both" | tail -n 1)
  answer=$(printf '%s\n' "$both" | sed '$d')
}

show() {
  printf '%s: %s %s\n' "$1" "$status" \
    "$(printf '%s' "$answer" | sed 's/"session_token":"[^"]*"/"session_token":"..."/')"
}

require_200() { [ "$status" = 200 ] || surprise "$1 should have been answered with 200; it was $status: $answer"; }

# field <name>: a text field of the answer itself, not of one of its events.
field() {
  printf '%s' "$answer" | tr -d '\r\n' | sed 's/"events":\[.*\]//' |
    sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p"
}

holds() { printf '%s' "$answer" | grep -q "$1"; }

# A greeting of the queue's also comes from "rep", but no person wrote it.
wrote_an_agent() {
  printf '%s' "$answer" | tr '{' '\n' | grep '"from":"rep"' | grep -qv '"system":true'
}

# read_until <what is waited for> <test ...>: reads on from $cursor until the test holds.
read_until() {
  goal=$1
  shift
  deadline=$(($(date +%s) + limit))
  while :; do
    left=$((deadline - $(date +%s)))
    [ "$left" -gt 0 ] || surprise "$goal should have come within $limit s; the chat is $(field state)"
    if [ "$left" -gt 5 ]; then left=5; fi
    call GET "/api/servicenow/poll/$session?after=$cursor&wait=$left"
    require_200 "poll"
    next=$(field cursor)
    [ -n "$next" ] || surprise "poll should have told a cursor: $answer"
    if [ "$next" != "$cursor" ]; then show "poll"; fi
    cursor=$next
    if wrote_an_agent; then agent_wrote=yes; fi
    if "$@"; then return 0; fi
    [ "$(field state)" != closed ] || surprise "$goal should have come; the chat was closed instead"
    # An answer that did not wait, from a bridge that cannot, must not become a flood.
    if [ "$next" = "$before" ]; then sleep 1; fi
    before=$next
  done
}
before=
cursor=0:0
agent_wrote=no

is_queued() { case $(field state) in queued | live) ;; *) return 1 ;; esac }
is_live() { [ "$(field state)" = live ]; }
has_written() { [ "$agent_wrote" = yes ]; }
is_closed() { [ "$(field state)" = closed ]; }

leave() {
  result=$?
  if [ "$chat_open" = yes ]; then
    chat_open=no
    printf 'header = "Authorization: Bearer %s"\n' "$token" | curl -s -K - --max-time 20 -o /dev/null \
      -H 'Content-Type: application/json' -d "{\"session_id\":\"$session\"}" "$url/api/servicenow/end" || true
  fi
  exit "$result"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

call GET /readyz
show "readyz"
require_200 "readyz"

call POST /api/servicenow/init-session '{"user_display_name":"Probe"}'
show "init-session"
require_200 "init-session"
session=$(field session_id)
token=$(field session_token)
case $session in
  *[!0-9a-f]* | '') surprise "init-session should have told a session_id of hex digits: $session" ;;
esac
[ -n "$token" ] || surprise "init-session should have told a session_token"
[ "$(field state)" = bot ] || surprise "a new session should be in state bot; it is in $(field state)"

chat_open=yes
call POST /api/servicenow/escalate \
  "{\"session_id\":\"$session\",\"opening_message\":\"Probe: this chat is a test and ends by itself.\"}"
show "escalate"
require_200 "escalate"
number=$(field interaction_number)
[ -n "$number" ] || surprise "escalate should have told an interaction_number"
[ "$(field session_id)" = "$session" ] || surprise "escalate should have kept the session $session"

read_until "the state queued or live" is_queued
if [ "$expect_agent" = yes ]; then read_until "an agent who accepts $number" is_live; fi

message_id=probe-$$-$(date +%s)
call POST /api/servicenow/user-message \
  "{\"session_id\":\"$session\",\"text\":\"Probe: a message of the user.\",\"client_message_id\":\"$message_id\"}"
show "user-message"
require_200 "user-message"
holds '"ok":true' || surprise "user-message should have been answered with ok: $answer"

if [ "$expect_agent" = yes ]; then read_until "a message of the agent" has_written; fi

call GET "/api/servicenow/poll/$session?after=0:0"
show "poll from the beginning"
require_200 "poll"
shown=$(printf '%s' "$answer" | tr '{' '\n' | grep '"type":"message"' | grep -c "\"client_message_id\":\"$message_id\"" || true)
[ "$shown" -eq 1 ] || surprise "the user's message should stand in the conversation once; it stands there $shown times"

call POST /api/servicenow/end "{\"session_id\":\"$session\"}"
show "end"
require_200 "end"
read_until "the state closed" is_closed
chat_open=no

printf 'probe: passed, %s was opened, used and ended\n' "$number"

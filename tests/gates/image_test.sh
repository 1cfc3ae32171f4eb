#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds both images and runs their programs as another user than root on a read-only root, with
# buildah: no daemon and no registry are needed. Takes as long as a release build.
#
# IMAGE_BASE     a base image that buildah knows or can pull; without it a Debian is made by debootstrap
# IMAGE_STORE    where images and a compiler cache are kept from run to run (build/image)
#
# Ends with 77 if it cannot run here: no buildah, not root, no base.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

skip() {
  say "image: $*"
  exit 77
}
command -v buildah >/dev/null 2>&1 || skip "buildah is not installed; scripts/bootstrap.sh --with-image"
[ "$(id -u)" -eq 0 ] || skip "needs root, to mount and to change the user"
unshare -m true 2>/dev/null || skip "this machine does not let a process have mounts of its own"

store=${IMAGE_STORE:-$root/build/image}
mkdir -p "$store/ccache"
# Overlays where the file system allows them: the other driver copies the whole image for each layer.
driver=overlay
buildah --storage-driver "$driver" --root "$store/$driver" --runroot "$store/run-$driver" info >/dev/null 2>&1 || driver=vfs
builder() {
  local command=$1
  shift
  buildah --storage-driver "$driver" --root "$store/$driver" --runroot "$store/run-$driver" "$command" "$@"
}

base=${IMAGE_BASE:-}
if [ -z "$base" ]; then
  base=localhost/debian:bookworm
  if ! builder inspect --type image "$base" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null 2>&1 || skip "no IMAGE_BASE, and debootstrap is not installed"
    say "image: making a base by debootstrap"
    rm -rf "$store/debian"
    debootstrap --variant=minbase bookworm "$store/debian" >"$store/debootstrap.log" 2>&1 ||
      skip "debootstrap cannot make a Debian here; see $store/debootstrap.log"
    rm -f "$store"/debian/var/cache/apt/archives/*.deb
    container=$(builder from scratch)
    builder copy -q "$container" "$store/debian" / >/dev/null
    builder commit -q "$container" "$base" >/dev/null
    builder rm "$container" >/dev/null
    rm -rf "$store/debian"
  fi
fi

containers=()
processes=()
work=$(mktemp -d)
finish() {
  local status=$? one
  trap '' INT TERM
  for one in ${processes[@]+"${processes[@]}"}; do
    kill -KILL "$one" 2>/dev/null || true
    wait "$one" 2>/dev/null || true
  done
  for one in ${containers[@]+"${containers[@]}"}; do builder rm "$one" >/dev/null 2>&1 || true; done
  if [ "$status" -ne 0 ]; then tail -n 20 "$work"/*.log >&2 2>/dev/null || true; fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

for target in bridge sandbox; do
  say "image: building target $target on $base"
  builder bud --isolation chroot --network host --pull=false --layers --format docker --build-arg "BASE=$base" \
    --volume "$store/ccache:/root/.cache/ccache" \
    --build-arg "JOBS=$(job_count)" --build-arg REVISION=test -f docker/Dockerfile --target "$target" \
    -t "handoff-$target:test" . >"$work/build.log" 2>&1 || die "image: target $target does not build"
done

# mounted <image>: its files; the container stays until the end.
mounted() {
  local container
  container=$(builder from --pull=false "handoff-$1:test")
  say "$container"
  builder mount "$container"
}
{ read -r bridge_container && read -r bridge_files; } < <(mounted bridge)
{ read -r sandbox_container && read -r sandbox_files; } < <(mounted sandbox)
containers=("$bridge_container" "$sandbox_container")

expect() {
  local what=$1
  shift
  "$@" || die "image: $what"
  say "image: ok: $what"
}
setting() { builder inspect --type image --format "{{.Docker.Config.$1}}" "handoff-$2:test"; }

is() { [ "$1" = "$2" ] || { complain "image: got '$1' for '$2'"; return 1; }; }
expect "the bridge's user is a number and not root" is "$(setting User bridge)" 10001:10001
expect "the sandbox's user likewise" is "$(setting User sandbox)" 10001:10001
expect "the port is exposed" is "$(setting ExposedPorts bridge)" 'map[5000/tcp:{}]'
expect "it is stopped by SIGTERM" is "$(setting StopSignal bridge)" SIGTERM
expect "it has a health check" is "$(setting Healthcheck.Test bridge)" '[CMD /usr/local/bin/handoff-bridge health]'
expect "its command serves" is "$(setting Entrypoint bridge)$(setting Cmd bridge)" '[/usr/local/bin/handoff-bridge][serve]'

no_tools() {
  local tool
  for tool in g++ gcc cc cmake ninja make git curl wget ld as npm; do
    if [ -e "$1/usr/bin/$tool" ] || [ -e "$1/usr/local/bin/$tool" ]; then
      complain "image: $tool is in it"
      return 1
    fi
  done
}
expect "no build tools in the bridge's image" no_tools "$bridge_files"
expect "nor in the sandbox's" no_tools "$sandbox_files"
stripped() { ! grep -qa '\.symtab' "$1"; }
expect "the folder for its sessions is its own" is "$(stat -c %u:%g:%a "$bridge_files/var/lib/handoff-bridge")" 10001:10001:700
expect "the bridge is stripped" stripped "$bridge_files/usr/local/bin/handoff-bridge"

# inside <files> <variables ...> -- <command ...>: as the images' user, the root read-only, nothing of
# this machine but /proc and the network. The process is the shell's own child: signals reach it.
inside() {
  local files=$1 variables=()
  shift
  while [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2016  # for the inner shell
  exec unshare -m sh -c 'set -e; files=$1; shift
    mount --bind "$files" "$files"
    mount -t proc proc "$files/proc"
    mount -o remount,bind,ro "$files"
    exec chroot --userspec=10001:10001 "$files" /usr/bin/env -i "$@"' \
    inside "$files" PATH=/usr/local/bin:/usr/bin:/bin ${variables[@]+"${variables[@]}"} "$@"
}

expect "the program runs" grep -q '^handoff-bridge [0-9]' <(inside "$bridge_files" -- /usr/local/bin/handoff-bridge version)
cannot_write() { ! (inside "$bridge_files" -- /bin/sh -c ': >/tmp/x' 2>/dev/null); }
expect "nothing can be written" cannot_write
status=0
(inside "$bridge_files" -- /usr/local/bin/handoff-bridge serve) >"$work/unset.log" 2>&1 || status=$?
expect "without settings it exits with 78" is "$status" 78
expect "and names what is missing" grep -q '^SN_INSTANCE is not set' "$work/unset.log"

ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')
bridge_port=${ports% *}
sandbox_port=${ports#* }
url=http://127.0.0.1:$bridge_port

# await <pid> <url>
await() {
  local left=150
  until curl -fs -o /dev/null --noproxy '*' --max-time 2 "$2"; do
    left=$((left - 1))
    if [ "$left" -eq 0 ] || ! kill -0 "$1" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
}

(inside "$sandbox_files" -- /usr/local/bin/handoff-sandbox --scripts /usr/local/share/handoff-bridge/servicenow \
  --port "$sandbox_port" --bridge "$url" --auto-accept alex.rep) >"$work/sandbox.log" 2>&1 &
sandbox=$!
processes+=("$sandbox")
expect "the sandbox serves" await "$sandbox" "http://127.0.0.1:$sandbox_port/sandbox/interactions"

mapfile -t settings < <(grep -E '^(SN_|AGENT_|ALLOW_)' docker/sandbox.env | sed "s|^SN_INSTANCE=.*|SN_INSTANCE=http://127.0.0.1:$sandbox_port|")
(inside "$bridge_files" "${settings[@]}" LOG_FORMAT=json BRIDGE_HOST=127.0.0.1 "PORT=$bridge_port" \
  -- /usr/local/bin/handoff-bridge serve) >"$work/bridge.log" 2>&1 &
bridge=$!
processes+=("$bridge")
expect "the bridge is ready" await "$bridge" "$url/readyz"
is_user() { is "$(awk '$1 == "Uid:" { print $2 }' "/proc/$bridge/status")" 10001; }
expect "as user 10001" is_user
expect "it serves its page" grep -qi '<!doctype html' <(curl -fs --noproxy '*' "$url/")
healthy() { (inside "$bridge_files" "PORT=$bridge_port" -- /usr/local/bin/handoff-bridge health); }
expect "its health check passes" healthy
whole_job() { (inside "$bridge_files" -- /usr/local/bin/handoff-bridge probe --url "$url" --expect-agent); }
expect "a whole handoff passes" whole_job

kill -TERM "$bridge"
status=0
wait "$bridge" || status=$?
expect "SIGTERM ends it with 0" is "$status" 0
unhealthy() { ! healthy 2>/dev/null; }
expect "and the health check fails then" unhealthy

size() { say "image: $1 $(($(stat -c %s "$2") / 1024)) KiB"; }
size "handoff-bridge, stripped:" "$bridge_files/usr/local/bin/handoff-bridge"
size "handoff-sandbox, stripped:" "$sandbox_files/usr/local/bin/handoff-sandbox"
say "image: all files of the bridge's image: $(du -sxm "$bridge_files" | cut -f1) MiB, packages: $(tr '\n' ' ' <"$bridge_files/usr/local/share/handoff-bridge/handoff-bridge.packages")"

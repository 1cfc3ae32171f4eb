#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing need. Does nothing, and says nothing, when
# all of them are there.
set -eu

usage() {
  cat <<'END'
bootstrap.sh [--build] [--with-e2e] [--with-image] [--with-fuzz]

Installs what is missing on Debian 12 or 13, as root or through sudo.

  --build      only what building and running the two programs takes
  --with-e2e   besides everything else, the browser of the end-to-end tests
  --with-image likewise, what building and running the container images takes
  --with-fuzz  besides everything else, the compiler of preset fuzz
END
}

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"

test_tools=yes
browser=no
image=no
fuzzer=no
for argument; do
  case $argument in
    --build) test_tools=no ;;
    --with-e2e) browser=yes ;;
    --with-image) image=yes ;;
    --with-fuzz) fuzzer=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 64
      ;;
  esac
done

if ! command -v dpkg-query >/dev/null 2>&1; then
  complain "bootstrap: this is no Debian system, so nothing is installed; CONTRIBUTING.md lists what is needed"
  exit 0
fi

release=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release)
case $release in
  # Debian 12's default Boost, 1.74, knows neither Boost.URL nor much of what the code uses of Asio.
  12) boost='libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libboost-system1.81-dev' ;;
  *) boost='libboost-dev libboost-json-dev libboost-url-dev libboost-system-dev' ;;
esac

wanted="g++ cmake ninja-build ccache git ca-certificates curl openssl
  $boost libssl-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev
  duktape-dev libsqlite3-dev"
if [ "$test_tools" = yes ]; then
  wanted="$wanted python3 python3-aiohttp python3-jsonschema python3-yaml shellcheck"
  # For tests/torture: namespaces of its own, and packets that are dropped in them.
  wanted="$wanted iproute2 nftables"
  if ! have_node; then wanted="$wanted nodejs npm"; fi
  # Formatting and the coroutine gate are tied to one version of the LLVM tools; Debian 13 has it not.
  if [ "$release" = 12 ]; then
    wanted="$wanted clang-format-14 clang-tools-14"
  else
    wanted="$wanted promtool"
  fi
fi
if [ "$browser" = yes ] && ! command -v chromium >/dev/null 2>&1; then
  wanted="$wanted chromium fonts-dejavu-core"
fi
if [ "$image" = yes ]; then wanted="$wanted buildah debootstrap"; fi
if [ "$fuzzer" = yes ]; then wanted="$wanted clang libclang-rt-dev"; fi

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  if [ "$state" != installed ]; then missing="$missing $package"; fi
done

# On Debian 12 promtool comes with the Prometheus server, which nobody wants started on the machine on
# which they test: its package is fetched and unpacked, not installed. Later it has its own package.
promtool=no
if [ "$test_tools" = yes ] && [ "$release" = 12 ] && [ ! -x "$root/build/tools/promtool" ] &&
  ! command -v promtool >/dev/null 2>&1; then promtool=yes; fi
if [ -z "$missing" ] && [ "$promtool" = no ]; then exit 0; fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || [ -z "$missing" ] ||
    die "bootstrap: packages are missing:$missing. Install them as root, or install sudo."
  as_root='sudo'
fi

apt() {
  # shellcheck disable=SC2086  # empty, or one word
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

log=$(mktemp)
unpacked=$(mktemp -d)
trap 'rm -rf "$log" "$unpacked"' EXIT

if [ -n "$missing" ]; then
  say "bootstrap: installing$missing"
  # A failing source that has nothing to do with us must not stop the rest: the installation decides.
  apt update >"$log" 2>&1 || complain "bootstrap: apt-get update complains: $(tail -n 1 "$log")"
  # shellcheck disable=SC2086  # a list of words
  if ! apt install -y --no-install-recommends $missing >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "bootstrap: apt-get could not install:$missing"
  fi
fi

fetch_promtool() {
  cd "$unpacked"
  apt-get -qq download prometheus >"$log" 2>&1 || {
    # The lists may be missing or old.
    apt update >"$log" 2>&1 || true
    apt-get -qq download prometheus >"$log" 2>&1
  }
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
  mkdir -p "$root/build/tools"
  mv usr/bin/promtool "$root/build/tools/promtool"
}
if [ "$promtool" = yes ]; then
  say "bootstrap: fetching promtool"
  # What needs it is skipped without it, and says so.
  (fetch_promtool) || complain "bootstrap: promtool could not be fetched: $(tail -n 1 "$log")"
fi

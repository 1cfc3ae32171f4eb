#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds with the sanitizers and runs every check there is. The last line
# is the sum: "N passed, N failed". JOBS sets how many compilers run at once. WITH_IMAGE=1 also builds
# and runs the container images, which takes a release build and root.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

case ${1:-} in
  '') ;;
  -h | --help)
    say "test.sh: installs what is missing, builds preset dev, runs unit, system and end-to-end tests and the gates"
    exit 0
    ;;
  *) die "test.sh takes no arguments; single tests: ctest --preset dev -R <name>" ;;
esac

build=$root/build/dev
jobs=$(job_count)
passed=0
failed=0
report=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

note() {
  say "$1"
  report="$report$1
"
}

# stage <name> <command ...>: one check that counts once. Exit code 77 means that it cannot run here.
stage() {
  name=$1
  shift
  say "== $name"
  began=$(date +%s)
  status=0
  "$@" || status=$?
  took="$(($(date +%s) - began)) s"
  case $status in
    0)
      passed=$((passed + 1))
      note "-- passed: $name ($took)"
      ;;
    77) note "-- skipped: $name" ;;
    *)
      failed=$((failed + 1))
      note "-- FAILED: $name ($took)"
      return 1
      ;;
  esac
}

# tests <name> <ctest arguments ...>: each of its tests counts.
tests() {
  name=$1
  shift
  say "== $name"
  began=$(date +%s)
  status=0
  ctest --test-dir "$build" --output-on-failure --no-tests=error "$@" >"$log" 2>&1 || status=$?
  took="$(($(date +%s) - began)) s"
  # A passing test is not worth a line; everything about a failing one is.
  grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test +#[0-9]+:.* Passed )' "$log" || true
  total=$(sed -n 's/.* tests failed out of \([0-9]*\).*/\1/p' "$log")
  bad=$(sed -n 's/.*passed, \([0-9]*\) tests failed out of .*/\1/p' "$log")
  if [ -z "$total" ] || [ -z "$bad" ] || { [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; }; then
    failed=$((failed + 1))
    note "-- FAILED: $name did not come to an end ($took)"
    return 0
  fi
  skipped=$(grep -cE 'Test +#[0-9]+: .*\*\*\*Skipped' "$log" || true)
  good=$((total - bad - skipped))
  passed=$((passed + good))
  failed=$((failed + bad))
  note "-- $name: $good passed, $bad failed, $skipped skipped ($took)"
}

check_shell_scripts() {
  command -v shellcheck >/dev/null 2>&1 || return 77
  # shellcheck disable=SC2046  # none of the names has a space
  shellcheck $(find scripts .ci tests docker -name node_modules -prune -o -type f -print |
    while IFS= read -r file; do
      if head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh'; then say "$file"; fi
    done)
}

check_images() {
  if [ -z "${WITH_IMAGE:-}" ]; then
    say "only with WITH_IMAGE=1: a release build inside an image"
    return 77
  fi
  tests/gates/image_test.sh
}

configure() { cmake --preset dev >"$log" 2>&1 || { cat "$log"; return 1; }; }
# Goes on after an error: what can be built can be tested.
compile() { cmake --build "$build" -j "$jobs" -- -k 0; }

browser=
if [ -x tests/e2e/run.sh ]; then browser=--with-e2e; fi
# shellcheck disable=SC2086  # empty, or one word
scripts/bootstrap.sh $browser ${WITH_IMAGE:+--with-image}

stage "rooms and arrows" scripts/check_layers || true
stage "names in batches" scripts/check_batches || true
stage "format" scripts/check_format || true
stage "shell scripts" check_shell_scripts || true
stage "ServiceNow scripts: lint and types" tests/scripts/run.sh || true

if stage "configure" configure; then
  stage "build" compile || true
  tests "unit tests and self-tests" -LE system -j "$jobs"
  tests "system tests" -L system
  stage "torture, a short one" tests/torture/run.sh --profile short --binaries "$build/bin" || true
  stage "container images" check_images || true
  stage "co_await hazards" scripts/check_coroutines --jobs "$jobs" || true
  stage "demo and probe" env PRESET=dev tests/gates/demo_and_probe.sh || true
  if [ -x tests/e2e/run.sh ]; then
    stage "end to end in a browser" env BUILD_DIR="$build" tests/e2e/run.sh || true
  fi
fi

say
printf '%s' "$report"
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

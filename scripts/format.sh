#!/bin/sh
# SPDX-License-Identifier: MIT
# Formats C++ files in place: those named, or all of ours.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"

command -v clang-format-14 >/dev/null 2>&1 ||
  die "format: clang-format 14 is needed, since versions format differently (Debian 12: clang-format-14)"
if [ $# -gt 0 ]; then
  clang-format-14 -i -- "$@"
else
  cd "$root"
  our_cpp_files | xargs clang-format-14 -i
fi

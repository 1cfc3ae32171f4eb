#!/bin/sh
# SPDX-License-Identifier: MIT
# In the image's build stage: compiles one program for release and leaves in /out the stripped program
# and the names of the packages whose libraries it loads.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"
program=$1

[ -f build/release/build.ninja ] || cmake --preset release -DBUILD_TESTING=OFF
cmake --build --preset release -j "$(job_count)" --target "$program"

mkdir -p /out
strip -o "/out/$program" "build/release/bin/$program"
libraries=$(ldd "/out/$program")
case $libraries in *'not found'*) die "$libraries" ;; esac
printf '%s\n' "$libraries" | awk '$2 == "=>" { print $1 }' | while read -r library; do
  dpkg -S "*/$library" | head -n 1 | cut -d: -f1
done | sort -u >"/out/$program.packages"
[ -s "/out/$program.packages" ]

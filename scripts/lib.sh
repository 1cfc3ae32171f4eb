# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What several scripts share; sourced, never run. Expects $root to be the checkout.

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }
die() {
  complain "$*"
  exit 1
}

# Memory that this machine or container may use, in MiB.
memory_mib() {
  memory=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo 2>/dev/null || true)
  memory=${memory:-2048}
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
  case $limit in
    '' | *[!0-9]*) ;;
    *)
      limit=$((limit / 1048576))
      if [ "$limit" -lt "$memory" ]; then memory=$limit; fi
      ;;
  esac
  say "$memory"
}

# Compilers to run at once: $JOBS, or one for each core as far as memory goes. A file that
# instantiates much of Beast takes 1.7 GB.
job_count() {
  if [ -n "${JOBS:-}" ]; then
    say "$JOBS"
    return
  fi
  cores=$(nproc 2>/dev/null || say 1)
  fit=$(($(memory_mib) / 1800))
  if [ "$fit" -lt 1 ]; then fit=1; fi
  if [ "$fit" -lt "$cores" ]; then say "$fit"; else say "$cores"; fi
}

# have_node: a Node.js and npm new enough for the checks under tests/.
have_node() {
  command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 &&
    node -e 'var v = process.versions.node.split(".").map(Number);
             process.exit(v[0] > 18 || (v[0] === 18 && v[1] >= 18) ? 0 : 1)' 2>/dev/null
}

# our_cpp_files: every C++ file of ours, from the checkout. The gates' fixtures break rules on purpose.
our_cpp_files() {
  find include src tests -name node_modules -prune -o -path tests/gates -prune -o \
    -type f \( -name '*.hpp' -o -name '*.cpp' \) -print | sort
}

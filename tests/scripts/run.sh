#!/bin/sh
# SPDX-License-Identifier: MIT
# Lints and type-checks every ServiceNow script, those that are shipped and those that tests use to
# stand for an old installation. Ends with a non-zero status on any finding.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)

# The stamp says which lock file the installed packages came from.
stamp="$here/node_modules/.installed-from"
if ! cmp -s "$here/package-lock.json" "$stamp"; then
  (cd "$here" && npm ci --no-audit --no-fund --loglevel=error >&2)
  cp "$here/package-lock.json" "$stamp"
fi

cd "$root"
files=$(find servicenow tests/support/legacy_scripts -name '*.js' | sort)
if [ -z "$files" ]; then
  echo "lint: no scripts found" >&2
  exit 1
fi
count=$(printf '%s\n' "$files" | wc -l | tr -d ' ')
report=$(mktemp)
trap 'rm -f "$report"' EXIT
failed=0

# shellcheck disable=SC2086  # one word per file: none of the names has a space
"$here/node_modules/.bin/eslint" --config "$here/eslint.config.js" --max-warnings 0 \
  --format "$here/one_line.js" $files >"$report" || failed=1
"$here/node_modules/.bin/tsc" --project "$here/tsconfig.json" --pretty false >>"$report" || failed=1

cat "$report"
findings=$(grep -c '^[^ ]' "$report" || true)  # tsc indents its explanations
echo "lint: $count files, $findings findings"
if [ "$failed" -ne 0 ] || [ "$findings" -ne 0 ]; then
  exit 1
fi

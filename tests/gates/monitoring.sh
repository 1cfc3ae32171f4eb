#!/bin/sh
# SPDX-License-Identifier: MIT
# Alert rules with their unit tests, and the scrape configuration, judged by Prometheus' own tool.
# Exit code 77: the tool is not there.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
promtool=$root/build/tools/promtool
if [ ! -x "$promtool" ]; then promtool=$(command -v promtool || true); fi
if [ -z "$promtool" ]; then
  echo "skipped: promtool is not there; scripts/bootstrap.sh brings it"
  exit 77
fi
cd "$root/docker/monitoring"
"$promtool" check config --syntax-only prometheus.yml
"$promtool" check rules alerts.yml
"$promtool" test rules alerts_test.yml
# A rule without a test would pass above.
sed -n 's/^ *- alert: //p' alerts.yml | while IFS= read -r alert; do
  grep -q "alertname: $alert$" alerts_test.yml || {
    echo "alerts_test.yml has no case for $alert"
    exit 1
  }
done

#!/bin/sh
# Fails if a filter has become slower than on the branch that is merged into.
# Usage: examples/ci/bench.sh BASELINE.json FILTER... ; the first run makes the baseline.
# Keep the baseline on the runner that makes it: figures of another machine say little.
set -eu
baseline=$1
shift
tamis=${TAMIS:-tamis}
if [ ! -s "$baseline" ]; then
    exec "$tamis" bench "$@" --rounds "${ROUNDS:-15}" --save "$baseline"
fi
exec "$tamis" bench "$@" --rounds "${ROUNDS:-15}" --compare "$baseline" --fail-if-slower "${PERCENT:-15}" \
    --chart "${CHART:-bench.html}"

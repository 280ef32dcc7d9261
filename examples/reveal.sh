#!/bin/sh
# Makes a line pseudonymous with the public key of examples/keyed.json, and reveals it again.
# Usage: examples/reveal.sh [TAMIS]
set -eu
tamis=${1:-target/release/tamis}
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
line='0: : session 001000000000000001: peer 198.51.100.77 user <alice>'
echo "$line" | "$tamis" run coturn-ip-anonymizer --config examples/keyed.json > "$out/clean.log"
cat "$out/clean.log"
address=$(sed 's/.*peer \([0-9.]*\).*/\1/' "$out/clean.log")
"$tamis" reveal --config examples/keyed.json --audit-log "$out/audit.log" --reason 'the example' \
    "$address" --log "$out/clean.log" --candidate alice --candidate bob
cat "$out/audit.log"

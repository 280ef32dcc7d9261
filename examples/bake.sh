#!/bin/sh
# Bakes a config and a fresh key into the artifacts of coturn-ip-anonymizer for all three hosts.
# Usage: examples/bake.sh OUTPUT_DIR [TAMIS]
set -eu
out=$1
tamis=${2:-target/release/tamis}
cd "$(dirname "$0")/.."
mkdir -p "$out"
umask 077
[ -s "$out/key" ] || od -An -tx1 -N32 /dev/urandom | tr -d ' \n' > "$out/key"
for host in component fluent-bit proxy-wasm; do
    "$tamis" bake coturn-ip-anonymizer --host "$host" --config examples/keyed.json --key-file "$out/key" \
        -o "$out/coturn-ip-anonymizer.baked.$host.wasm"
done

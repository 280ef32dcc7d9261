#!/usr/bin/env bash
# Replays recorded coturn logs through coturn-ip-anonymizer and shows what it caught.
# Usage: examples/demo.sh [TAMIS]
set -euo pipefail
cd "$(dirname "$0")/.."
tamis=${1:-target/release/tamis}
corpus=tests/corpus/coturn
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'; else bold= red= green= off=; fi

# The first line of a file that matches, before and after. Control bytes are made visible.
show() {
    local file=$1 pattern=$2 number
    number=$(grep -anE -m1 "$pattern" "$corpus/$file" | cut -d: -f1)
    printf '%s- %s%s\n' "$red" "$(sed -n "${number}p" "$corpus/$file" | cat -v | cut -c1-180)" "$off"
    printf '%s+ %s%s\n\n' "$green" "$(sed -n "${number}p" "$out/$file" | cat -v | cut -c1-180)" "$off"
}

printf '%sFiltering %s recorded logs of real coturn servers (4.5.2 to 4.17.1), default config%s\n\n' \
    "$bold" "$(ls "$corpus"/*.log | wc -l)" "$off"
for path in "$corpus"/*.log; do
    "$tamis" run coturn-ip-anonymizer "$path" > "$out/$(basename "$path")"
done

show 4.6.1-rest-userids.log 'user <1795306080:alice'
show 4.6.1-ipv6-newts.log 'closed \(2nd stage\).*remote \[2001'
show 4.6.1-ipv6-newts.log 'IPv6. tcp or tls connected to'
show 4.6.1-hostile-usernames.log 'user <a>b<c>>: incoming'
show 4.6.1-hostile-usernames.log 'closed .2nd stage., user <admin>'
show 4.6.1-db-connection-errors.log "password='sp ace pass'"
show 4.17.1-db-connection-errors.log 'postgres://turn'
show 4.6.1-config-file-warnings.log 'static-auth-secret'
show 4.6.1-web-admin-http.log '^uname='
show 4.17.1-default-verbose.log 'rate-limit exceeded'

printf '%sThe same user as a keyed token, addresses as prefix-preserving pseudonyms (examples/keyed.json)%s\n\n' "$bold" "$off"
for file in 4.17.1-load-mixed.log; do
    "$tamis" run coturn-ip-anonymizer --config examples/keyed.json "$corpus/$file" > "$out/$file"
    show "$file" 'refreshed, realm'
done

printf '%sOne summary a minute instead of session events (examples/aggregate.json)%s\n\n' "$bold" "$off"
"$tamis" run coturn-ip-anonymizer --config examples/aggregate.json "$corpus/4.6.1-load-mixed.log" | grep -a '"coturn summary"'

printf '\n%sCounts over all files%s\n' "$bold" "$off"
cat "$corpus"/*.log | "$tamis" run coturn-ip-anonymizer --summary > /dev/null

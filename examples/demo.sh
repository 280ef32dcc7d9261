#!/usr/bin/env bash
# Replays recorded logs of coturn, of a worker on asynq and of Chatwoot, shows what the filters caught, audits before and after,
# and walks through the commands around the filters.
# Usage: examples/demo.sh [TAMIS]
set -euo pipefail
cd "$(dirname "$0")/.."
tamis=${1:-target/release/tamis}
corpus=tests/corpus/coturn
asynq=tests/corpus/asynq
chatwoot=tests/corpus/chatwoot
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'; else bold= red= green= off=; fi

# The first line of a file that matches, before and after. Control bytes are made visible.
show() {
    local file=$1 pattern=$2 from=${3:-$corpus} number
    number=$(grep -anE -m1 "$pattern" "$from/$file" | cut -d: -f1)
    printf '%s- %s%s\n' "$red" "$(sed -n "${number}p" "$from/$file" | cat -v | cut -c1-180)" "$off"
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

printf '\n%sRecorded logs of a worker on asynq, default config: nothing of a payload may be seen%s\n\n' "$bold" "$off"
for file in std-log.log zerolog.jsonl zap-development.log asynq-debug-scheduler.log redis-monitor.log; do
    "$tamis" run asynq-payload-redactor "$asynq/$file" > "$out/$file"
done
show zerolog.jsonl '"task_payload":"\{' "$asynq"
show std-log.log 'task queue created &\{newsletter' "$asynq"
show std-log.log 'Sending reset link' "$asynq"
show zap-development.log 'sending welcome email.*fullName' "$asynq"
show redis-monitor.log '"HSET".*sms:send' "$asynq"

printf '%sWith an allow-list for its task type, and addresses as tokens (examples/asynq.json)%s\n\n' "$bold" "$off"
"$tamis" run asynq-payload-redactor --config examples/asynq.json "$asynq/zerolog.jsonl" > "$out/zerolog.jsonl"
show zerolog.jsonl '"type":"email:welcome","payload":"\{' "$asynq"

printf '%sAn audit of the raw log, then of the filtered one%s\n\n' "$bold" "$off"
"$tamis" audit --sample 1 "$asynq/std-log.log" | head -n 24 || true
"$tamis" run asynq-payload-redactor "$asynq/std-log.log" | "$tamis" audit - | head -n 8

printf '\n%sA recorded log of Chatwoot: one-time tokens go, and what happened is told%s\n\n' "$bold" "$off"
"$tamis" run chatwoot-auth-tagger "$chatwoot/rails-default.log" > "$out/rails-default.log"
show rails-default.log 'RoomChannel is streaming from [^a]' "$chatwoot"
show rails-default.log 'Started POST "/webhooks/telegram' "$chatwoot"

# The fields that were added to the record behind the first line that matches.
added() {
    printf '%s- %s%s\n' "$red" "$(grep -aE -m1 "$1" "$chatwoot/rails-default.log" | cut -c1-180)" "$off"
    printf '%s+ %s%s\n\n' "$green" "$(grep -aE -m1 "$1" "$out/rails-default.log" | sed 's/^{"log":"[^"\\]*\(\\.[^"\\]*\)*",/{..., /')" "$off"
}
added 'Completed 401'
added 'Rack::Attack'

printf '%sWhat it held, by action and outcome%s\n\n' "$bold" "$off"
sed -n 's/.*"event":{"kind":"event",[^}]*"action":"\([a-z-]*\)","outcome":"\([a-z]*\)".*/\1 \2/p' "$out/rails-default.log" |
    sort | uniq -c | sort -rn | head -n 12

printf '\n%sThe alerts%s\n\n' "$bold" "$off"
grep -ao '{"event":{"kind":"alert"[^]]*\][^]]*\][^}]*}' "$out/rails-default.log" |
    sed -n 's/.*"action":"\([a-z-]*\)".*"start":"\([^"]*\)","end":"\([^"]*\)".*/\2  \3  \1/p' | sort

printf '\n%sA configuration of coturn, a pipeline: what lets data out%s\n\n' "$bold" "$off"
printf 'use-auth-secret\nstatic-auth-secret=north\nverbose\nlog-level=debug\n' > "$out/turnserver.conf"
"$tamis" lint coturn "$out/turnserver.conf" --coturn-version 4.6.1 || true
"$tamis" lint pipeline examples/fluent-bit/fluent-bit.yaml examples/envoy/envoy.yaml && echo "the examples: nothing found"

printf '\n%sAn artifact with its config inside; whether it keeps to the ABI of Fluent Bit%s\n\n' "$bold" "$off"
"$tamis" bake coturn-ip-anonymizer --host fluent-bit --config examples/aggregate.json -o "$out/baked.wasm"
"$tamis" conformance target/artifacts/identity.fluent-bit.wasm | tail -n 12

printf '\n%sA filter beside a control that does nothing%s\n\n' "$bold" "$off"
"$tamis" bench coturn-ip-anonymizer --rounds 2 --mb 2 2>/dev/null

printf '\n%sOne page for the regular review%s\n' "$bold" "$off"
mkdir -p target/demo
"$tamis" report --format html --output target/demo/report.html "$chatwoot/rails-default.log" "$corpus/4.6.1-load-mixed.log" "$asynq/zerolog.jsonl"
echo "target/demo/report.html"

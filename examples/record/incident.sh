#!/bin/sh
# From an incident to a test case: record, look, replay, make a case of it.
#
#   examples/record/incident.sh LOG DIR [TAMIS]
#
# DIR gets the recording and, below cases/, the case.
set -eu
log=$1 dir=$2 tamis=${3:-tamis}
mkdir -p "$dir"

# Redacted on the way in: nothing of this needs the eyes of a privacy officer later.
"$tamis" record "$log" --max-records 1000 --output "$dir/incident.tamis.jsonl"

# As it came in time, a thousand times as fast, through the filter that is to be looked at.
"$tamis" replay --recording "$dir/incident.tamis.jsonl" --rate 1000x coturn-ip-anonymizer

# A case that all hosts have to pass from now on.
"$tamis" replay --recording "$dir/incident.tamis.jsonl" --cases "$dir/cases" --case coturn-ip-anonymizer/incident

#!/bin/sh
# Audits the logs below a directory: audit.sh DIRECTORY [BASELINE]. For cron jobs and CI without a file of its own.
# The first run writes the baseline; later ones report what is new in it.
set -u
logs=${1:?usage: audit.sh DIRECTORY [BASELINE]}
baseline=${2:-.tamis-baseline.json}

if [ ! -e "$baseline" ]; then
    tamis audit --write-baseline "$baseline" --report html=audit.html "$logs"
    exit
fi
tamis audit --baseline "$baseline" --fail-on medium --report html=audit.html "$logs"
code=$?
case $code in
0) ;;
1) echo "audit.sh: new findings: read audit.html, fix them, or write the baseline again" >&2 ;;
*) echo "audit.sh: not everything could be scanned" >&2 ;;
esac
exit $code

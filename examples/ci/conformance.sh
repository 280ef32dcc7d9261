#!/bin/sh
# Checks that artifacts do what their hosts expect: conformance.sh FILTER... For CI; the report is conformance.xml.
set -u
[ $# -gt 0 ] || { echo "usage: conformance.sh FILTER..." >&2; exit 2; }
tamis conformance --format junit --output conformance.xml "$@"
code=$?
case $code in
0) ;;
1) echo "conformance.sh: a check failed: see conformance.xml, or run tamis conformance on it" >&2 ;;
*) echo "conformance.sh: not everything could be checked" >&2 ;;
esac
exit $code

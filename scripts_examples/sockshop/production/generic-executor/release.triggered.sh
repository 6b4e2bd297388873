#!/usr/bin/env bash
# release.triggered: nothing is released to production without a change number.
#
# A script that cannot do its work prints {"error": "…"}. The answer is then "fail", with this
# text as its message, whatever the exit code is.
set -euo pipefail

if [[ -z ${LABEL_change:-} ]]; then
    echo '{"error": "no change number: start the delivery with the label change=CHG…"}'
    exit 0
fi

echo "release of $SERVICE is covered by $LABEL_change"

#!/usr/bin/env bash
# remediation.triggered: somewhere a problem has started a remediation.
#
# The general name. It answers the sequence "remediation" of every stage that has no script of
# its own name, <stage>.remediation.triggered, and the event of that name from Keptn 0.7.
set -euo pipefail

echo "remediation of $SERVICE in $STAGE: $PROBLEMTITLE"

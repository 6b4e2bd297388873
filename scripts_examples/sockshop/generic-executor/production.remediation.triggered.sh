#!/usr/bin/env bash
# production.remediation.triggered: the sequence "remediation" of the stage "production" begins.
#
# <stage>.<sequence>.<kind> is more specific than <sequence>.<kind>: when this file exists,
# remediation.triggered.sh is not run for production. Nobody answers a sequence; this is a notice.
set -euo pipefail

echo "PRODUCTION: $PROBLEMTITLE at $SERVICE"
echo "ticket: ${PROBLEMURL:-none}"

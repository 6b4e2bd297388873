#!/usr/bin/env bash
# action.triggered.poweroutageaction, for the service carts of sockshop in production.
#
# The most specific place of all, and a .sh, which is tried before .py and .http:
# for carts in production this is the one that runs.
set -euo pipefail

echo "Power outage: switching $SERVICE to the second data centre."
echo "Message of the action: ${VALUE_Message:-none}"
echo "Problem: $PROBLEMTITLE, see ${PROBLEMURL:-nowhere}"

#!/usr/bin/env bash
# dev.delivery.triggered: the sequence "delivery" of the stage "dev" begins.
set -euo pipefail

echo "$SERVICE is on its way to dev with ${IMAGE:-its present image} (commit ${LABEL_gitcommit:-unknown})"

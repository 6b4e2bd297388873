#!/usr/bin/env bash
# com.github.push: any CloudEvent has a script; this one has nothing to do with Keptn.
#
# The name is the whole type of the event. Every value in `data` is a variable: DATA_ and its path.
# Event text is only text: keep it in quotes and it stays harmless, whatever it says.
set -euo pipefail   # -u: a value that the event lacks ends the script with its name

branch=${DATA_REF#refs/heads/}
echo "${DATA_PUSHER_NAME:-somebody} pushed ${DATA_AFTER:0:7} to $branch of $DATA_REPOSITORY_FULL_NAME"
echo "last change: ${DATA_COMMITS_0_MESSAGE:-none}"

#!/usr/bin/env bash
# all.events: runs for every event, after the script that bears the event's own name.
# Prints one line about it. Everything about an event is a variable; what an event lacks is empty.
#
# Beware: for a task that Keptn hands out (`….triggered`) any script that is found counts as
# the one that did it. Before you use this in earnest, read "The catch-all" in docs/scripts.md.
set -euo pipefail

printf '%s %s project=%s stage=%s service=%s context=%s\n' \
    "$TIMEUTCSTRING" "$TYPE" "$PROJECT" "${STAGE:--}" "${SERVICE:--}" "${CONTEXT:--}"

#!/usr/bin/env bash
# workload-pre-deployment-tasks.started: an event of the Keptn lifecycle-toolkit.
#
# Its type is the phrase "Workload Pre-Deployment Tasks.Started"; the script is named after it in
# lower case with hyphens for blanks. Project is the namespace, service the name of the resource.
set -euo pipefail

echo "about to deploy $SERVICE in namespace $PROJECT, version ${DATA_VERSION:-unknown}"

#!/usr/bin/env bash
# Installs what `make bench` compares with, as far as this is Debian and we may.
# What is missing afterwards is said in its row of the table.
set -uo pipefail
cd "$(dirname "$0")"

missing=()
command -v cc > /dev/null || missing+=(gcc libc6-dev)
command -v webhook > /dev/null || missing+=(webhook)
command -v bash-static > /dev/null || missing+=(bash-static)
may=no
[[ $(id -u) = 0 ]] && command -v apt-get > /dev/null && may=yes

if ((${#missing[@]})) && [[ $may = yes ]]; then
  apt-get update -qq
  for package in "${missing[@]}"; do
    apt-get install -y -qq --no-install-recommends "$package" > /dev/null || echo "$package could not be installed"
  done
elif ((${#missing[@]})); then
  echo "not installed: ${missing[*]}"
fi

if [[ ! -x ../../.benchmarks/bash-musl && $may = yes ]]; then
  echo "building bash against musl, once"
  timeout 300 ./musl_bash.sh > /dev/null 2>&1 || echo "bash could not be built against musl"
fi
exit 0

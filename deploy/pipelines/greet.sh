#!/usr/bin/env bash
# greet.sh URL [SECONDS]: wait until the service is ready, then ask it for a greeting, over the way of its clients.
set -euo pipefail
url=${1:?usage: greet.sh URL [SECONDS]} until=$((SECONDS + ${2:-120}))
until curl --fail --silent --show-error --max-time 5 --output /dev/null "$url/health/ready"; do
  if ((SECONDS >= until)); then
    echo "$url is not ready" >&2
    exit 1
  fi
  sleep 2
done
# A name that was never saved is 404, which takes the same way through proxy, API and database.
status=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "$url/hello/Pipeline")
[[ $status == 200 || $status == 404 ]] || { echo "$url/hello/Pipeline: $status" >&2; exit 1; }
echo "$url greets"

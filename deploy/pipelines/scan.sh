#!/usr/bin/env bash
# scan.sh IMAGE: fail if the image has a known vulnerability that is HIGH or CRITICAL. Needs trivy.
#
# Those without a fix fail, too: accept one in deploy/pipelines/trivyignore, with its reason and its end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec trivy image --severity HIGH,CRITICAL --exit-code 1 --scanners vuln,secret --no-progress \
  --ignorefile trivyignore "${1:?usage: scan.sh IMAGE}"

#!/usr/bin/env bash
# Build the image of this commit: deploy/image/build.sh [TAG], with podman or docker (ENGINE).
#
# Two builds of one commit give the same layers: every time in them is the commit's (SOURCE_DATE_EPOCH).
# PYTHON_IMAGE is the base, with its digest in a release; REGISTRY_IMAGE names what is pushed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

engine=${ENGINE:-$(command -v podman || command -v docker || true)}
[[ -n $engine ]] || { echo "neither podman nor docker is installed: set ENGINE" >&2; exit 1; }
tag=${1:-localhost/jubilee:dev}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
revision=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/jubilee/__init__.py)

arguments=(--file Containerfile --tag "$tag" --build-arg "SOURCE_DATE_EPOCH=$epoch"
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
[[ -z ${PYTHON_IMAGE:-} ]] || arguments+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
[[ -z ${SOURCE_URL:-} ]] || arguments+=(--build-arg "SOURCE_URL=$SOURCE_URL")
[[ -z ${NO_CACHE:-} ]] || arguments+=(--no-cache)
case $("$engine" --version) in
  # The format that keeps HEALTHCHECK; an image that is here is not pulled again.
  podman*) arguments+=(--format docker --pull=missing --timestamp "$epoch") ;;
  *) arguments+=(--output "type=docker,rewrite-timestamp=true") ;;
esac
exec "$engine" build "${arguments[@]}" .

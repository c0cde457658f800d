#!/usr/bin/env bash
# publish.sh REPOSITORY TAG…: push the image of this commit, built once, and print its digest.
#
# The commit is a tag of its own (sha-…): where the registry has it, the image is not built again, and a
# release to production is the very image that staging ran. The digest also goes to GITHUB_OUTPUT.
# REGISTRY_USER and REGISTRY_TOKEN sign in, where they are set. Needs docker with buildx.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if (($# < 1)); then
  echo "usage: publish.sh REPOSITORY TAG…" >&2
  exit 2
fi
repository=${1,,}
shift
commit=$repository:sha-$(git rev-parse HEAD)
if [[ -n ${REGISTRY_TOKEN:-} ]]; then
  docker login --username "${REGISTRY_USER:?}" --password-stdin "${repository%%/*}" <<<"$REGISTRY_TOKEN" >&2
fi
if ! docker buildx imagetools inspect "$commit" >/dev/null 2>&1; then
  ENGINE=docker deploy/image/build.sh "$commit" >&2
  docker push --quiet "$commit" >&2
fi
digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$commit")
for tag in "$@"; do
  # A branch's name may have a slash, which no tag has.
  docker buildx imagetools create --tag "$repository:${tag//[^A-Za-z0-9._-]/-}" "$repository@$digest" >&2
done
echo "$digest"
if [[ -n ${GITHUB_OUTPUT:-} ]]; then
  echo "digest=$digest" >>"$GITHUB_OUTPUT"
  echo "image=$repository" >>"$GITHUB_OUTPUT"
fi

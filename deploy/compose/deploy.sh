#!/usr/bin/env bash
# deploy.sh [USER@]HOST IMAGE [FOLDER]: put an image into service on a host that has docker compose.
#
# The host gets the files of deploy/compose and deploy/monitoring in FOLDER (by default ~/jubilee) and
# pulls the image; release.sh there migrates, tries the new version beside the old one, switches, and
# goes back by itself if the new one is not healthy. FOLDER/host.env holds variables of compose.yaml,
# FOLDER/jubilee.env settings of the service; both stay as they are. SSH_OPTIONS are given to ssh;
# HEALTHY_WITHIN_S is how long a version may take to become healthy, by default 90 seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (($# < 2 || $# > 3)); then
  echo "usage: deploy.sh [USER@]HOST IMAGE [FOLDER]" >&2
  exit 2
fi
host=$1 image=$2 folder=${3:-jubilee} limit=${HEALTHY_WITHIN_S:-90}
for word in "$image" "$folder" "$limit"; do
  if [[ ! $word =~ ^[A-Za-z0-9._/:@-]+$ ]]; then
    echo "deploy.sh: '$word' has characters that no image and no folder has" >&2
    exit 2
  fi
done
read -ra options <<<"${SSH_OPTIONS:-}"
remote() { ssh -o BatchMode=yes "${options[@]}" -- "$host" "$1"; }

tar --create --exclude=jubilee.env compose monitoring |
  remote "set -e; mkdir -p $folder; cd $folder; rm -rf incoming; mkdir incoming; tar --extract --directory incoming"
remote "HEALTHY_WITHIN_S=$limit exec $folder/incoming/compose/release.sh $image"

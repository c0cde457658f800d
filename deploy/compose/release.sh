#!/usr/bin/env bash
# release.sh IMAGE: started by deploy.sh on the host. Takes the files of incoming/ and the image into
# service. Ends with 0, or with 1 and the reason, and then the version of before is in service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
image=$1
healthy_within_s=${HEALTHY_WITHIN_S:-90}
max_restarts=4

compose() {
  docker compose --progress quiet --env-file host.env --env-file current/image.env \
    --file current/compose/compose.yaml "$@"
}

say() { echo "release.sh: $*"; }

gave_up() { # gave_up CONTAINER: it has ended for good, or was started again and again
  local state
  state=$(docker inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.State.Status}} {{.RestartCount}}' "$1")
  [[ $state =~ ^(no)?\ exited || ${state##* } -ge $max_restarts ]]
}

healthy() { # healthy CONTAINER…: all of them, in time; else say which is not, and why
  local id line unhealthy until=$((SECONDS + healthy_within_s))
  while :; do
    unhealthy=
    for id in "$@"; do
      line=$(docker exec "$id" jubilee health 2>&1) || { unhealthy=$id && break; }
    done
    [[ -n $unhealthy ]] || return 0
    if ((SECONDS >= until)) || gave_up "$unhealthy"; then break; fi
    sleep 1
  done
  say "$(docker inspect --format '{{.Name}}' "$unhealthy") is not healthy: $line; its last lines:"
  docker logs --tail 20 "$unhealthy" 2>&1
  return 1
}

in_service() {
  local found
  mapfile -t found < <(compose ps --all --quiet api worker)
  ((${#found[@]})) && healthy "${found[@]}"
}

candidate() { # one API of the new version beside those in service; it gets no requests
  local id ended=0
  id=$(compose run --detach --no-deps api)
  healthy "$id" || ended=1
  docker rm --force "$id" >/dev/null
  return "$ended"
}

go_back() { # go_back REASON
  say "$image: $1"
  if [[ ! -d previous ]]; then
    say "there is no version to go back to"
    exit 1
  fi
  rm -rf current
  mv previous current
  if [[ -n $switched ]]; then
    compose up --detach --remove-orphans
    in_service || say "the version of before is not healthy either"
  fi
  say "in service as before: $(sed -n 's/^JUBILEE_IMAGE=//p' current/image.env)"
  exit 1
}

exec 9>lock
flock --nonblock 9 || { say "another deployment runs"; exit 1; }
touch host.env jubilee.env
if [[ -d previous ]]; then # the last deployment was cut short
  rm -rf current
  mv previous current
fi
[[ ! -d current ]] || cp -a current previous
# Replaced where they are: containers whose mounts had other paths would be made anew.
mkdir -p current
rm -rf current/compose current/monitoring
mv incoming/compose incoming/monitoring current/
files=$(find current/compose current/monitoring -type f -exec sha256sum {} + | sort | sha256sum)
printf '%s\n' "JUBILEE_IMAGE=$image" "JUBILEE_ENV_FILE=$PWD/jubilee.env" "JUBILEE_FILES=${files::12}" >current/image.env

switched=
docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" || go_back "cannot be pulled"
compose up --detach --no-recreate pgbouncer redis || go_back "the databases do not start"
compose run --rm --no-deps migrate || go_back "the migration failed"
candidate || go_back "a first API of it does not become healthy"
switched=yes
compose up --detach --remove-orphans || go_back "it does not start"
in_service || go_back "it does not become healthy"
rm -rf previous
say "in service: $image"

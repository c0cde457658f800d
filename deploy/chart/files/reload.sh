#!/bin/sh
# reload.sh COMMAND: run `jubilee COMMAND` with the sources of /tmp/src before those of the image, again
# whenever it ends; /tmp/pid is its process, which deploy/skaffold.yaml ends after a change.
export PYTHONPATH=/tmp/src
trap 'kill "$child"; wait "$child"; exit 0' TERM
while :; do
  jubilee "$1" &
  child=$!
  echo "$child" >/tmp/pid
  wait "$child"
  sleep 1 # where it ends at its start
done

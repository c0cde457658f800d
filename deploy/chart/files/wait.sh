#!/bin/sh
# wait.sh COMMAND SECONDS: repeat `jubilee COMMAND`, which says what is missing, until it succeeds. Ends
# with 78 at once where the configuration is wrong, and with 1 after SECONDS.
trap 'exit 143' TERM # as process 1 it would ignore the signal
deadline=$(($(date +%s) + $2))
while :; do
  jubilee "$1" && exit 0
  [ $? -eq 78 ] && exit 78
  [ "$(date +%s)" -lt "$deadline" ] || exit 1
  sleep 2
done

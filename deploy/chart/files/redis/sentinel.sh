#!/bin/sh
# Start the Sentinel beside the Redis server of POD_NAME; two of three elect a new master after 5 s.
set -eu
# shellcheck source=deploy/chart/files/redis/common.sh
. "$(dirname "$0")/common.sh"

master=$(known_master || first_address)
cat >/tmp/sentinel.conf <<CONF
bind 0.0.0.0
port 26379
dir /tmp
requirepass $password
sentinel announce-ip $(address "$POD_NAME")
sentinel monitor jubilee $master 6379 2
sentinel auth-pass jubilee $password
sentinel sentinel-pass $password
sentinel down-after-milliseconds jubilee 5000
sentinel failover-timeout jubilee 20000
sentinel parallel-syncs jubilee 1
CONF
exec redis-sentinel /tmp/sentinel.conf

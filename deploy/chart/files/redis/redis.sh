#!/bin/sh
# Start the Redis server of POD_NAME. SENTINELS (host,host,…) are its peers: a server asks their Sentinels for
# the master, and is its replica; where none knows one, the first server is the master.
set -eu
# shellcheck source=deploy/chart/files/redis/common.sh
. "$(dirname "$0")/common.sh"

cat >/tmp/redis.conf <<CONF
bind 0.0.0.0
port 6379
dir /data
appendonly yes
appendfsync everysec
maxmemory $MAX_MEMORY
maxmemory-policy noeviction
requirepass $password
masterauth $password
CONF

if [ -n "$SENTINELS" ]; then
  own=$(address "$POD_NAME")
  echo "replica-announce-ip $own" >>/tmp/redis.conf
  master=$(known_master || first_address)
  [ "$master" = "$own" ] || echo "replicaof $master 6379" >>/tmp/redis.conf
fi
exec redis-server /tmp/redis.conf

# Sourced by redis.sh and sentinel.sh: the password, and the addresses of the servers.
# shellcheck shell=sh
password=$(cat /run/secrets/REDIS_PASSWORD)

address() { # address HOST: of its Service, as soon as there is one
  tries=0
  until found=$(getent hosts "$1"); do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || { echo "$1 has no address" >&2 && return 1; }
    sleep 1
  done
  echo "${found%% *}"
}

first_address() {
  address "${SENTINELS%%,*}"
}

known_master() { # the address of the master by the first Sentinel that names one
  for host in $(echo "$SENTINELS" | tr , ' '); do
    found=$(REDISCLI_AUTH=$password timeout 3 redis-cli -h "$host" -p 26379 \
      sentinel get-master-addr-by-name jubilee 2>/dev/null | head -n 1) || continue
    case $found in
      *.*.*.* | *:*) echo "$found" && return 0 ;;
    esac
  done
  return 1
}

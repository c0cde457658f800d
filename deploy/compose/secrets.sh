#!/bin/sh
# secrets.sh FOLDER: write every secret that is missing there. A file that exists is never changed,
# so a deployment brings its own, and what it does not bring is random.
set -eu
folder=$1
umask 022

keep() {  # keep NAME < VALUE: complete or not at all
  [ -e "$folder/$1" ] && return
  cat >"$folder/.$1.part"
  mv "$folder/.$1.part" "$folder/$1"
  echo "wrote $folder/$1"
}

random() {
  head -c 36 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'
}

password() {  # of a file; some of those below have no way to write every character
  value=$(cat "$folder/$1")
  case $value in
    "" | *[!A-Za-z0-9_.~-]*)
      echo "$folder/$1: only letters, digits and _ . ~ - are allowed" >&2
      exit 1
      ;;
  esac
  printf '%s' "$value"
}

for name in secret_key postgres_password database_password monitor_password redis_password \
  grafana_password; do
  random | keep "$name"
done

database=$(password database_password)
redis=$(password redis_password)
printf 'postgresql://jubilee:%s@pgbouncer:6432/jubilee' "$database" | keep database_url
printf 'postgresql://jubilee:%s@postgres:5432/jubilee' "$database" | keep database_migration_url
printf 'redis://:%s@redis:6379/0' "$redis" | keep redis_url
printf '"jubilee" "%s"\n' "$database" | keep pgbouncer_users
printf 'requirepass %s\n' "$redis" | keep redis.conf
printf '{"redis://redis:6379": "%s"}\n' "$redis" | keep redis_exporter.json

#!/usr/bin/env bash
# Sourced by the other scripts. PostgreSQL is found by libpq's variables (PGHOST, PGPORT, PGUSER,
# PGDATABASE, PGPASSFILE, PGSERVICE): a password never stands on a command line.
set -euo pipefail
umask 077

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

need() {
  local name
  for name in "$@"; do
    [[ -n ${!name-} ]] || fail "set $name"
  done
}

stamp() { date -u +%Y%m%dT%H%M%SZ; }

# prune DIRECTORY PATTERN: remove all but the newest KEEP backups; names sort by their time.
prune() {
  local old
  find "$1" -mindepth 1 -maxdepth 1 -name "$2" | sort | head -n "-${KEEP:-14}" | while read -r old; do
    rm -rf -- "$old"
  done
}

# verify BASE: compare a base backup with the checksums in its manifest, unless VERIFY=0.
verify() {
  [[ ${VERIFY:-1} == 0 ]] || pg_verifybackup --quiet "$1"
}

#!/usr/bin/env bash
# restore-pitr.sh BASE WAL PGDATA TIME: lay a base backup into the empty folder PGDATA, and let the server that is started
# on it replay the archived WAL up to TIME ('2026-11-21 09:30:00+00'). Then it ends recovery and accepts writes.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ $# -eq 4 ]] || fail "usage: restore-pitr.sh BASE WAL PGDATA TIME"
base=$1 wal=$(realpath "$2") data=$3 moment=$4
[[ -f $base/backup_manifest ]] || fail "$base is no base backup"
[[ ! -e $data || -z $(ls -A "$data") ]] || fail "$data is not empty"
[[ $moment != *"'"* && $wal != *"'"* ]] || fail "a quote in TIME or WAL"
verify "$base"
mkdir -p "$data"
cp -a "$base/." "$data"
chmod 700 "$data"
cat >>"$data/postgresql.auto.conf" <<SETTINGS
archive_mode = 'off'
restore_command = 'cp "$wal/%f" "%p"'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
SETTINGS
touch "$data/recovery.signal"

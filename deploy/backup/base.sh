#!/usr/bin/env bash
# Take a base backup of the whole server into BACKUP_DIR, verify its checksums, keep the newest KEEP (14).
# PGUSER needs the attribute REPLICATION.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need BACKUP_DIR
mkdir -p "$BACKUP_DIR"
base=$BACKUP_DIR/base-$(stamp)
trap 'rm -rf "$base.part"' EXIT
pg_basebackup --pgdata="$base.part" --checkpoint=fast --wal-method=stream
verify "$base.part"
mv "$base.part" "$base"
prune "$BACKUP_DIR" "base-????????T??????Z"
echo "$base"

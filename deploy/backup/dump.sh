#!/usr/bin/env bash
# Dump the database PGDATABASE into BACKUP_DIR, check that the dump can be read, keep the newest KEEP (14).
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need BACKUP_DIR PGDATABASE
mkdir -p "$BACKUP_DIR"
file=$BACKUP_DIR/$PGDATABASE-$(stamp).dump
trap 'rm -f "$file.part"' EXIT
pg_dump --format=custom --file="$file.part"
pg_restore --list "$file.part" >/dev/null
mv "$file.part" "$file"
prune "$BACKUP_DIR" "$PGDATABASE-*.dump"
echo "$file"

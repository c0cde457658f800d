#!/usr/bin/env bash
# restore-dump.sh FILE: restore a dump into the database PGDATABASE, which must not exist yet. PGUSER may create databases.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need PGDATABASE
[[ $# -eq 1 && -f $1 ]] || fail "usage: restore-dump.sh FILE"
createdb --template=template0 "$PGDATABASE"
pg_restore --exit-on-error --no-owner --single-transaction --dbname="$PGDATABASE" "$1"
psql --quiet --no-psqlrc --command="ANALYZE"

#!/usr/bin/env bash
# archive-wal.sh PATH NAME DIRECTORY: PostgreSQL's archive_command, '/…/archive-wal.sh %p %f /…/wal'.
# A segment is there whole or not at all, and on disk; one that is there already must be the same.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ $# -eq 3 ]] || fail "usage: archive-wal.sh PATH NAME DIRECTORY"
target=$3/$2
if [[ -e $target ]]; then
  cmp --silent "$1" "$target" || fail "$target exists, and is another segment"
  exit 0
fi
cp "$1" "$target.part"
sync "$target.part"
mv "$target.part" "$target"
sync "$3"

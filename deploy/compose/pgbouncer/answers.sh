#!/usr/bin/env bash
# answers PORT: whether the server there speaks PostgreSQL's protocol; asked for TLS it says S or N.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf '\0\0\0\10\4\322\26\57' >&3
read -r -n 1 -t 10 -u 3 answer
[[ $answer == [SN] ]]

"""PostgreSQL refuses to run as root: what stands before its programs so that it does not."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from jubilee.adapters.embedded.errors import ServerFailed

UNPRIVILEGED_UID = 65534
OTHER_USER = ("unshare", "--user", f"--map-user={UNPRIVILEGED_UID}", "--")
# The folders above the data may be closed to that user, so it may walk and write through them.
BYPASS = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def unprivileged(folder: Path) -> tuple[str, ...]:
    """A prefix under which a program owns `folder` and is not root; empty for ordinary users.

    Changes the folder's owner where this kernel or container allows root no user namespace.
    """
    if os.geteuid() != 0:
        return ()
    owner = folder.stat().st_uid
    if owner == 0 and _works(OTHER_USER):
        return _found(OTHER_USER)
    as_owner = _as_user(owner or UNPRIVILEGED_UID)
    if not _works(as_owner):
        raise ServerFailed("PostgreSQL does not run as root: use another user or set DATABASE_URL")
    if owner == 0:
        _give(folder, UNPRIVILEGED_UID)
    return _found(as_owner)


def _as_user(number: int) -> tuple[str, ...]:
    who = (f"--reuid={number}", f"--regid={number}", "--clear-groups")
    return ("setpriv", *who, *BYPASS, "--")


@cache
def _works(prefix: tuple[str, ...]) -> bool:
    true = shutil.which("true")
    if shutil.which(prefix[0]) is None or true is None:
        return False
    tried = subprocess.run(  # noqa: S603 - the words are ours
        (*_found(prefix), true), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return tried.returncode == 0


def _found(prefix: tuple[str, ...]) -> tuple[str, ...]:
    return (shutil.which(prefix[0]) or prefix[0], *prefix[1:])


def _give(folder: Path, number: int) -> None:
    for place, _, files in os.walk(folder):
        for name in (place, *(f"{place}/{file}" for file in files)):
            os.chown(name, number, number, follow_symlinks=False)

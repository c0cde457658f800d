"""Command prefixes that run PostgreSQL's programs as another user: it refuses to run as root."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from jubilee.adapters.embedded.errors import ServerFailed

UNPRIVILEGED_UID = 65534
OTHER_USER = ("unshare", "--user", f"--map-user={UNPRIVILEGED_UID}", "--")
# The parents of the data folder may be closed to that user: it may pass them nevertheless.
BYPASS = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def unprivileged(folder: Path) -> tuple[str, ...]:
    """Return a prefix that runs a program as owner of `folder` and not as root.

    It is empty unless this process runs as root. The folder gets another owner where the kernel or
    container allows no user namespaces. Raises ServerFailed.
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
        _change_owner(folder, UNPRIVILEGED_UID)
    return _found(as_owner)


def _as_user(uid: int) -> tuple[str, ...]:
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *(*BYPASS, "--"),
    )


@cache
def _works(prefix: tuple[str, ...]) -> bool:
    """Return whether `true` can be run with the prefix."""
    true = shutil.which("true")
    if shutil.which(prefix[0]) is None or true is None:
        return False
    tried = subprocess.run(  # noqa: S603  # the arguments are ours
        (*_found(prefix), true), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return tried.returncode == 0


def _found(prefix: tuple[str, ...]) -> tuple[str, ...]:
    return (shutil.which(prefix[0]) or prefix[0], *prefix[1:])


def _change_owner(folder: Path, uid: int) -> None:
    for path, _, files in os.walk(folder):
        for name in (path, *(f"{path}/{file}" for file in files)):
            os.chown(name, uid, uid, follow_symlinks=False)

"""A private folder for unix sockets, with a name short enough for them."""

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from jubilee.adapters.embedded.errors import ServerFailed

MAX_PATH_CHARS = 70  # a socket's whole name has 107 bytes at most, on macOS 103


def socket_folder(data_dir: Path) -> Path:
    """Where the sockets of these data live: the same folder at each start."""
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()
    return _parent() / digest[:12]


def make_private(folder: Path) -> None:
    """Make the folder and the one above for us alone; raises ServerFailed if they are not."""
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.geteuid():
            raise ServerFailed(f"{place} is not a private folder of this user: remove it")


def remove_empty(folder: Path) -> None:
    """Remove the folder unless another socket is still in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def _parent() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # PostgreSQL reads commas and quotes in a socket's folder as punctuation.
    if (
        len(runtime) <= MAX_PATH_CHARS
        and re.fullmatch(r"/[\w./-]+", runtime, re.ASCII)
        and _ours(runtime)
    ):
        return Path(runtime) / "jubilee"
    return Path(f"/tmp/jubilee-{os.geteuid()}")  # noqa: S108 - make_private refuses a planted one


def _ours(folder: str) -> bool:
    try:
        return Path(folder).stat().st_uid == os.geteuid()
    except OSError:
        return False

"""A private folder for Unix sockets, whose path is short enough for the kernel."""

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from jubilee.adapters.embedded.errors import ServerFailed

MAX_PATH_CHARS = 70  # of the folder: a socket's whole path has at most 107 bytes, on macOS 103


def socket_folder(data_dir: Path) -> Path:
    """Return the folder of the sockets for a data folder: the same one at each start."""
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()
    return _parent() / digest[:12]


def make_private(folder: Path) -> None:
    """Create the folder and its parent, both accessible to this user only.

    Raises ServerFailed if one of them exists with another owner or other permissions.
    """
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.geteuid():
            raise ServerFailed(f"{path} is not a private folder of this user: remove it")


def remove_empty(folder: Path) -> None:
    """Remove the folder unless another socket is still in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def _parent() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # Commas and quotes separate folders in PostgreSQL's setting.
    if (
        len(runtime) <= MAX_PATH_CHARS
        and re.fullmatch(r"/[\w./-]+", runtime, re.ASCII)
        and _is_owned(runtime)
    ):
        return Path(runtime) / "jubilee"
    return Path(f"/tmp/jubilee-{os.geteuid()}")  # noqa: S108  # make_private refuses one of another user


def _is_owned(folder: str) -> bool:
    try:
        return Path(folder).stat().st_uid == os.geteuid()
    except OSError:
        return False

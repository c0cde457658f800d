"""Where the data of throwaway servers are."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
MIN_FREE_BYTES = 4 << 30


@contextmanager
def data_folder() -> Iterator[Path]:
    """Yield the path of a data folder that does not exist yet, and is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="jubilee-test-", dir=data_parent()) as folder:
        yield Path(folder) / "data"


def data_parent() -> str | None:
    """Return a file system in memory that has room, else None for the usual temporary folder.

    A database has hundreds of files: on a disk, creating and dropping one takes most of the time
    of the tests that use it.
    """
    if not os.access(MEMORY, os.W_OK):
        return None
    return str(MEMORY) if shutil.disk_usage(MEMORY).free >= MIN_FREE_BYTES else None

"""Garbage collection in a long-running process."""

import subprocess
import sys

PROGRAM = """
import gc
from jubilee.bootstrap.garbage_collection import GC_THRESHOLDS, freeze_startup_objects
freeze_startup_objects()
assert gc.get_freeze_count() > 1000, gc.get_freeze_count()
assert gc.get_threshold() == GC_THRESHOLDS
assert gc.isenabled()
"""


def test_startup_objects_are_frozen_and_others_collected() -> None:
    done = subprocess.run((sys.executable, "-c", PROGRAM), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

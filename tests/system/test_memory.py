"""Garbage collection in a process that runs for long."""

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


def test_what_was_there_at_the_start_is_left_out_and_the_rest_is_still_collected() -> None:
    done = subprocess.run((sys.executable, "-c", PROGRAM), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

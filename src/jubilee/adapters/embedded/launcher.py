"""A script that turns into another program, which the kernel ends together with its parent.

Run by its path, with the arguments PARENT SIGNAL PROGRAM...
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # of prctl(2), in Linux's headers


def main(parent: str, signal_number: str, *argv: str) -> None:
    """Ask for the signal when the process `parent` ends, then execute `argv` in its place."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
    # A parent that ended before the call above sends no signal.
    if os.getppid() != int(parent):
        sys.exit("the parent process has ended")
    os.execv(argv[0], argv)  # noqa: S606  # needs no shell


if __name__ == "__main__":
    main(*sys.argv[1:])

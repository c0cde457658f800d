"""Becomes another program that dies with its parent. Run by path: PARENT SIGNAL PROGRAM..."""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, signal_number: str, *argv: str) -> None:
    """Tie this process to `parent`, a process id, and turn into `argv`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execv(argv[0], argv)  # noqa: S606 - there is nothing for a shell to read here


if __name__ == "__main__":
    main(*sys.argv[1:])

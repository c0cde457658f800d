"""Read passwords from the terminal or standard input, never from an argument."""

import signal
import sys
from getpass import getpass

from jubilee.commands.refusal import CommandRefused


def read_password(*, from_stdin: bool) -> str:
    """Read a line of standard input, or prompt twice on the terminal; raises CommandRefused."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandRefused("there is no terminal to ask on: use --password-stdin")
    # As an exception Ctrl-C lets the prompt turn the terminal's echo on again.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        password = getpass("Password: ")
        if getpass("Once more: ") != password:
            raise CommandRefused("the two passwords differ")
    finally:
        signal.signal(signal.SIGINT, before)
    return password

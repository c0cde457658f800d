"""Passwords, asked for on the terminal or read from standard input; never an argument."""

import signal
import sys
from getpass import getpass

from jubilee.commands.refusal import CommandRefused


def read_password(*, from_stdin: bool) -> str:
    """The first line of standard input, or what was typed twice at a prompt; raises Refused."""
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

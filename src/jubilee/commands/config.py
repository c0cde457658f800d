"""The settings in effect."""

import sys
from argparse import Namespace

from jubilee.commands.reading import read_settings


def config(_: Namespace) -> int:
    """Print them, secrets masked."""
    for name, value in read_settings().masked().items():
        sys.stdout.write(f"{name}={value}\n")
    return 0

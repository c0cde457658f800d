"""Entry point of the command line."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence

from jubilee.commands.loading import load_command
from jubilee.commands.parser import command_parser
from jubilee.commands.refusal import CommandRefused

OVERRIDES = {"data_dir": "DATA_DIR", "host": "HOST", "port": "PORT"}
"""Options that override a setting."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; its exit code is the process's."""
    chosen = command_parser().parse_args(arguments)
    _override_settings(chosen)
    module, _, name = chosen.run.partition(":")
    try:
        sys.exit(load_command(module, name)(chosen))
    except CommandRefused as refusal:
        print(f"jubilee: {refusal}", file=sys.stderr)
        sys.exit(refusal.exit_code)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)  # shells stop a script when a command ends by SIGINT


def _override_settings(chosen: Namespace) -> None:
    """Put options into the environment, which child processes inherit."""
    for option, variable in OVERRIDES.items():
        value = getattr(chosen, option, None)
        if value is not None:
            os.environ[variable] = value

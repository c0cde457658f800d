"""The argument parser of commands, and options that several of them have."""

import re
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from difflib import get_close_matches
from functools import cache, partial
from shutil import get_terminal_size
from typing import NoReturn, TypeAlias

MAX_LISTED = 100_000
DATA_DIR = "the folder of embedded servers and secrets (DATA_DIR)"


class CommandParser(ArgumentParser):
    """Suggests a command for a misspelt one; accepts no abbreviated options."""

    def __init__(self, **options: object) -> None:
        # argparse makes a formatter for each argument, which would look for the width each time.
        formatter = partial(RawDescriptionHelpFormatter, width=_help_columns())
        options = {"allow_abbrev": False, "formatter_class": formatter, **options}
        super().__init__(**options)  # type: ignore[arg-type]  # as argparse names them

    def error(self, message: str) -> NoReturn:
        """Print the usage and the reason, and exit with code 2."""
        given = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if given is None:
            super().error(message)
        known = re.findall(r"[\w-]+", given[2])
        near = get_close_matches(given[1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        super().error(f"invalid choice: '{given[1]}'; {hint}")


@cache
def _help_columns() -> int:
    """Return the width of help texts, by argparse's rule."""
    return get_terminal_size().columns - 2


Commands: TypeAlias = "_SubParsersAction[CommandParser]"


def add_command(known: Commands, name: str, run: str, summary: str) -> CommandParser:
    """Add a command with `--data-dir`; `run` is the `module:function` that executes it."""
    added = known.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    added.add_argument("--data-dir", metavar="DIR", help=DATA_DIR)
    added.set_defaults(run=run)
    return added


def add_password_option(command: CommandParser) -> None:
    """Add the option `--password-stdin`; without it, the command prompts for the password."""
    command.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


def add_limit(command: CommandParser, of: str) -> None:
    """Add the option `--limit`, by default 100."""
    command.add_argument("--limit", type=_limit, default=100, help=f"most {of} to list (100)")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= MAX_LISTED):
        raise ArgumentTypeError(f"must be a number from 1 to {MAX_LISTED}")
    return int(text)

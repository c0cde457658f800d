"""What can be written on the command line."""

import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter, _SubParsersAction
from difflib import get_close_matches
from typing import NoReturn, TypeAlias

from jubilee import __version__

DATA_DIR = "the folder of embedded servers and secrets (DATA_DIR)"
EXAMPLES = """\
examples:
  jubilee up                                   run it all on this machine
  jubilee up --port 8080 --data-dir /srv/app   elsewhere
  jubilee status                               is it well, what waits, which workers run
  jubilee admin create --email ada@example.com the first admin
  jubilee config                               every setting, and where its value comes from

Settings come from the environment and from .env; .env.example lists them.
`jubilee COMMAND --help` shows the options of a command.
"""
PLAIN = (
    ("up", "up:up", "run it all: the servers that no URL names, migrations, the API, a worker"),
    ("api", "serving:api", "serve the API"),
    ("worker", "serving:worker", "run jobs"),
    ("migrate", "schema:migrate", "bring the schema to the head"),
    ("rollback", "schema:rollback", "take the last migration back"),
    ("openapi", "openapi:openapi", "print the OpenAPI document"),
    ("config", "config:config", "print the settings in effect, secrets masked"),
)
LISTENING = ("up", "api")


class CommandParser(ArgumentParser):
    """Names the command that a misspelt one is near to; takes no abbreviated options."""

    def __init__(self, **options: object) -> None:
        options = {"allow_abbrev": False, "formatter_class": RawDescriptionHelpFormatter, **options}
        super().__init__(**options)  # type: ignore[arg-type]  # as argparse names them

    def error(self, message: str) -> NoReturn:
        """End with 2; the usage and a line that says why."""
        given = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if given is None:
            super().error(message)
        known = re.findall(r"[\w-]+", given[2])
        near = get_close_matches(given[1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        super().error(f"invalid choice: '{given[1]}'; {hint}")


Commands: TypeAlias = "_SubParsersAction[CommandParser]"


def command_parser() -> CommandParser:
    """Every command; what it runs is `run`, as module:function."""
    parser = CommandParser(
        prog="jubilee", description="The Jubilee backend service.", epilog=EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"jubilee {__version__}")
    known = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, summary in PLAIN:
        added = add_command(known, name, run, summary)
        if name in LISTENING:
            added.add_argument("--host", help="the address that the API listens on (HOST)")
            added.add_argument("--port", help="the port that the API listens on (PORT)")
    status = add_command(known, "status", "status:status", "how it is: health, jobs, workers")
    status.add_argument("--json", action="store_true", help="for machines")
    migration = add_command(
        known, "migration", "schema:migration", "write a migration from the tables"
    )
    migration.add_argument("name", help="what it does, in a few words")
    _add_admin(known.add_parser("admin", help="manage admins"))
    return parser


def add_command(known: Commands, name: str, run: str, summary: str) -> CommandParser:
    """One that knows --data-dir; the function `run` gets the parsed arguments."""
    added = known.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    added.add_argument("--data-dir", metavar="DIR", help=DATA_DIR)
    added.set_defaults(run=run)
    return added


def _add_admin(admin: CommandParser) -> None:
    actions = admin.add_subparsers(required=True, metavar="ACTION")
    create = add_command(actions, "create", "admin:create", "register an admin")
    create.add_argument("--email", required=True)
    create.add_argument("--username")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )

"""The command line: `jubilee up`, `api`, `migrate` and what else an operator needs."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from jubilee import __version__
from jubilee.commands.refusal import Refused

PLAIN = (
    ("up", "up:up", "run it all: the servers that no URL names, migrations, the API, a worker"),
    ("api", "serving:api", "serve the API"),
    ("worker", "serving:worker", "run jobs"),
    ("migrate", "schema:migrate", "bring the schema to the head"),
    ("rollback", "schema:rollback", "take the last migration back"),
    ("openapi", "openapi:openapi", "print the OpenAPI document"),
    ("config", "config:config", "print the settings in effect, secrets masked"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; its exit code is the process's."""
    chosen = _parser().parse_args(arguments)
    module, _, name = chosen.run.partition(":")
    # By name: whoever asks for the settings or for help need not load the whole service.
    run = getattr(import_module(f"jubilee.commands.{module}"), name)
    try:
        sys.exit(run(chosen))
    except Refused as refusal:
        print(f"jubilee: {refusal}", file=sys.stderr)
        sys.exit(refusal.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jubilee", description="The Jubilee backend service.")
    parser.add_argument("--version", action="version", version=f"jubilee {__version__}")
    known = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, summary in PLAIN:
        known.add_parser(name, help=summary).set_defaults(run=run)
    status = known.add_parser("status", help="how it is: health, what waits, who works")
    status.add_argument("--json", action="store_true", help="for machines")
    status.set_defaults(run="status:status")
    migration = known.add_parser("migration", help="write a migration from the tables")
    migration.add_argument("name", help="what it does, in a few words")
    migration.set_defaults(run="schema:migration")
    _add_admin(known.add_parser("admin", help="manage admins"))
    return parser


def _add_admin(admin: argparse.ArgumentParser) -> None:
    actions = admin.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="register an admin")
    create.add_argument("--email", required=True)
    create.add_argument("--username")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    create.set_defaults(run="admin:create")


if __name__ == "__main__":
    main()

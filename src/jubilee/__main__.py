"""The command line: `jubilee up`, `api`, `migrate` and what else an operator needs."""

import argparse
import sys
from collections.abc import Sequence
from getpass import getpass

from jubilee import __version__
from jubilee.commands import COMMANDS, Commands, Refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; its exit code is the process's."""
    chosen = _parser(COMMANDS).parse_args(arguments)
    try:
        sys.exit(chosen.run(chosen))
    except Refused as refusal:
        print(f"jubilee: {refusal}", file=sys.stderr)
        sys.exit(refusal.exit_code)


def _parser(commands: Commands) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jubilee", description="The Jubilee backend service.")
    parser.add_argument("--version", action="version", version=f"jubilee {__version__}")
    known = parser.add_subparsers(required=True, metavar="COMMAND")
    plain = (
        (
            "up",
            commands.up,
            "run it all: the servers that no URL names, migrations, the API, a worker",
        ),
        ("api", commands.api, "serve the API"),
        ("worker", commands.worker, "run jobs"),
        ("migrate", commands.migrate, "bring the schema to the head"),
        ("rollback", commands.rollback, "take the last migration back"),
        ("openapi", commands.openapi, "print the OpenAPI document"),
        ("config", commands.config, "print the settings in effect, secrets masked"),
    )
    for name, run, summary in plain:
        known.add_parser(name, help=summary).set_defaults(run=lambda _, run=run: run())
    status = known.add_parser("status", help="how it is: health, what waits, who works")
    status.add_argument("--json", action="store_true", help="for machines")
    status.set_defaults(run=lambda chosen: commands.status(chosen.json))
    migration = known.add_parser("migration", help="write a migration from the tables")
    migration.add_argument("name", help="what it does, in a few words")
    migration.set_defaults(run=lambda chosen: commands.migration(chosen.name))
    _add_admin(known.add_parser("admin", help="manage admins"), commands)
    return parser


def _add_admin(admin: argparse.ArgumentParser, commands: Commands) -> None:
    actions = admin.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="register an admin")
    create.add_argument("--email", required=True)
    create.add_argument("--username")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    create.set_defaults(run=lambda chosen: _create_admin(chosen, commands))


def _create_admin(chosen: argparse.Namespace, commands: Commands) -> int:
    password = _password(from_stdin=chosen.password_stdin)
    return commands.create_admin(chosen.email, chosen.username, password)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on: use --password-stdin")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise Refused("the two passwords differ")
    return password


if __name__ == "__main__":
    main()

"""What can be written on the command line."""

from jubilee import __version__
from jubilee.commands.command_parser import (
    CommandParser,
    Commands,
    add_command,
    add_password_option,
)
from jubilee.commands.jobs_parser import add_jobs
from jubilee.commands.user_parser import add_user

EXAMPLES = """\
examples:
  jubilee up                                   run it all on this machine
  jubilee up --port 8080 --data-dir /srv/app   elsewhere
  jubilee status                               is it well, what waits, which workers run
  jubilee admin create --email ada@example.com the first admin
  jubilee jobs list --status dead              work that failed for good
  jubilee user disable ada                     keep an account from signing in
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
    _add_admin(known)
    add_user(known)
    add_jobs(known)
    return parser


def _add_admin(known: Commands) -> None:
    admin = known.add_parser("admin", help="register the first admin")
    actions = admin.add_subparsers(required=True, metavar="ACTION")
    create = add_command(actions, "create", "admin:create", "register an admin")
    create.add_argument("--email", required=True)
    create.add_argument("--username")
    add_password_option(create)

"""Parser of the command line."""

from jubilee import __version__
from jubilee.commands.audit_parser import add_audit
from jubilee.commands.command_parser import (
    CommandParser,
    Commands,
    add_command,
    add_password_option,
)
from jubilee.commands.jobs_parser import add_jobs
from jubilee.commands.keys_parser import add_keys
from jubilee.commands.token_parser import add_token
from jubilee.commands.user_parser import add_user

EXAMPLES = """\
examples:
  jubilee up                                   run everything on this machine
  jubilee up --port 8080 --data-dir /srv/app   with another port and folder
  jubilee status                               health, backlog and workers
  jubilee admin create --email ada@example.com the first admin
  jubilee jobs list --status dead              work that failed for good
  jubilee user disable ada                     keep an account from signing in
  jubilee token create ada --name backup --scope items:read
                                               a token for a program
  jubilee audit verify                         whether the audit log is unaltered
  jubilee keys rotate                          sign access tokens with a new key
  jubilee openapi --format postman             the API as a collection for Postman or Bruno
  jubilee config                               every setting, and its origin

Settings come from the environment and from .env; .env.example lists them.
`jubilee COMMAND --help` shows the options of a command.
"""
PLAIN = (
    (
        "up",
        "up:up",
        "run servers without a configured URL, migrations, the API, a worker",
    ),
    ("api", "serving:api", "serve the API"),
    ("worker", "serving:worker", "run jobs"),
    ("migrate", "schema:migrate", "migrate the schema to the newest revision"),
    ("rollback", "schema:rollback", "undo the last migration"),
    ("config", "config:config", "print the settings in effect, secrets masked"),
)
LISTENING = ("up", "api")


def command_parser() -> CommandParser:
    """Build the parser; the attribute `run` of its result is `module:function`."""
    parser = CommandParser(
        prog="jubilee", description="The Jubilee backend service.", epilog=EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"jubilee {__version__}")
    known = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, summary in PLAIN:
        added = add_command(known, name, run, summary)
        if name in LISTENING:
            added.add_argument("--host", help="address that the API listens on (HOST)")
            added.add_argument("--port", help="port that the API listens on (PORT)")
    status = add_command(known, "status", "status:status", "print health, jobs and workers")
    status.add_argument("--json", action="store_true", help="print JSON")
    _add_health(known)
    migration = add_command(
        known, "migration", "schema:migration", "write a migration from changed tables"
    )
    migration.add_argument("name", help="what the migration does, in a few words")
    _add_openapi(known)
    _add_restored(known)
    _add_admin(known)
    for add in (add_user, add_token, add_jobs, add_audit, add_keys):
        add(known)
    return parser


def _add_health(known: Commands) -> None:
    summary = "check one process, for container engines: exits with 0 or 1"
    health = add_command(known, "health", "health:health", summary)
    health.add_argument(
        "process",
        nargs="?",
        choices=("api", "worker"),
        help="by default the one that is process 1 of this container",
    )
    health.add_argument("--port", help="port of the API (PORT)")


def _add_openapi(known: Commands) -> None:
    openapi = add_command(known, "openapi", "openapi:openapi", "print the OpenAPI document")
    openapi.add_argument(
        "--format",
        choices=("json", "yaml", "postman"),
        default="json",
        help="json (default), yaml, or a Postman collection 2.1, which Bruno imports, too",
    )


def _add_restored(known: Commands) -> None:
    summary = "after a restore: park greetings that the lost database may have sent"
    restored = add_command(known, "restored", "restored:restored", summary)
    restored.add_argument(
        "--until",
        metavar="TIME",
        help="when the lost database was last in use, such as 2026-11-21T09:30:00Z; default: now",
    )


def _add_admin(known: Commands) -> None:
    admin = known.add_parser("admin", help="register the first admin")
    actions = admin.add_subparsers(required=True, metavar="ACTION")
    create = add_command(actions, "create", "admin:create", "register an admin")
    create.add_argument("--email", required=True)
    create.add_argument("--username")
    add_password_option(create)

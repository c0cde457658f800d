"""Parser of `jubilee user`."""

from jubilee.commands.command_parser import (
    CommandParser,
    Commands,
    add_command,
    add_limit,
    add_password_option,
)

CHANGES = (
    ("promote", "make an admin of an account"),
    ("demote", "take the admin role from an account"),
    ("enable", "let a disabled account sign in again"),
    ("disable", "keep an account from signing in, and end its sessions"),
    ("lock", "refuse the sign-ins of an account, and end its sessions"),
    ("unlock", "end every lock of an account, that after wrong passwords too"),
    ("reset-mfa", "remove the second factors of an account"),
    ("export", "queue the archive of everything about an account, which gets a link by mail"),
    ("password", "set a new password, and end the account's sessions"),
)


def add_user(known: Commands) -> None:
    """Add `user` and its actions."""
    actions = known.add_parser("user", help="list and change accounts").add_subparsers(
        required=True, metavar="ACTION"
    )
    listed = add_command(actions, "list", "user:list_users", "list accounts, the newest first")
    listed.add_argument("--search", help="words of the e-mail, username or full name")
    add_limit(listed, "accounts")
    listed.add_argument("--json", action="store_true", help="print JSON")
    shown = add_command(actions, "show", "user:show", "show an account")
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument("who", metavar="WHO", help="an e-mail address, a username or an id")
    for name, summary in CHANGES:
        change = add_command(actions, name, f"user:{name.replace('-', '_')}", summary)
        change.add_argument("who", metavar="WHO", help="an e-mail address, a username or an id")
        if name == "password":
            add_password_option(change)
        if name == "lock":
            _add_lock_options(change)


def _add_lock_options(command: CommandParser) -> None:
    command.add_argument("--reason", help="why, on one line; it is kept in the audit log")
    command.add_argument(
        "--until",
        metavar="TIME",
        help="when the lock ends by itself, such as 2026-11-21T09:00:00Z",
    )

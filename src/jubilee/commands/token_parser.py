"""Parser of `jubilee token`."""

from argparse import ArgumentTypeError
from uuid import UUID

from jubilee.commands.command_parser import Commands, add_command, add_limit
from jubilee.domain.scopes import TOKEN_SCOPES

MAX_DAYS = 36_500
WHO = "an e-mail address, a username or an id"


def add_token(known: Commands) -> None:
    """Add `token` and its actions."""
    actions = known.add_parser("token", help="tokens of programs").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = add_command(actions, "create", "token:create", "create a token, and print it once")
    create.add_argument("who", metavar="WHO", help=WHO)
    create.add_argument("--name", required=True, help="what the token is for")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=sorted(TOKEN_SCOPES),
        metavar="SCOPE",
        help=f"one of {', '.join(sorted(TOKEN_SCOPES))}; may be given several times",
    )
    create.add_argument("--days", type=_days, help="days until it expires (API_TOKEN_DEFAULT_DAYS)")
    listed = add_command(actions, "list", "token:list_tokens", "list the tokens of an account")
    listed.add_argument("who", metavar="WHO", help=WHO)
    add_limit(listed, "tokens")
    listed.add_argument("--json", action="store_true", help="print JSON")
    revoke = add_command(actions, "revoke", "token:revoke", "delete a token of an account")
    revoke.add_argument("who", metavar="WHO", help=WHO)
    revoke.add_argument("id", metavar="ID", type=UUID, help="the id of the token")


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= MAX_DAYS):
        raise ArgumentTypeError(f"must be a number from 1 to {MAX_DAYS}")
    return int(text)

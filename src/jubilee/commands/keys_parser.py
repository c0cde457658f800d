"""Parser of `jubilee keys`."""

from jubilee.commands.command_parser import Commands, add_command


def add_keys(known: Commands) -> None:
    """Add `keys` and its actions."""
    keys = known.add_parser("keys", help="list, rotate and retire keys that sign access tokens")
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    listed = add_command(actions, "list", "keys:list_keys", "list the keys, the newest first")
    listed.add_argument("--json", action="store_true", help="print JSON")
    summary = "show how many stored secrets SECRET_KEY and SECRET_KEY_PREVIOUS have sealed"
    counted = add_command(actions, "status", "keys:status", summary)
    counted.add_argument("--json", action="store_true", help="print JSON")
    summary = "add a key that signs in ten minutes, when all verifiers know it"
    rotated = add_command(actions, "rotate", "keys:rotate", summary)
    rotated.add_argument("--now", action="store_true", help="sign with it at once")
    summary = "stop signing with a key; its tokens stay valid until they expire"
    retired = add_command(actions, "retire", "keys:retire", summary)
    retired.add_argument("id", metavar="KID", help="the key's id; after `--` if it begins with -")
    retired.add_argument(
        "--revoke", action="store_true", help="refuse its tokens as well, for a key that has leaked"
    )

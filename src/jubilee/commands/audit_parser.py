"""Parser of `jubilee audit`."""

from jubilee.commands.command_parser import Commands, add_command, add_limit


def add_audit(known: Commands) -> None:
    """Add `audit` and its actions."""
    actions = known.add_parser("audit", help="list and verify the audit log").add_subparsers(
        required=True, metavar="ACTION"
    )
    listed = add_command(actions, "list", "audit:list_entries", "list entries, the newest first")
    listed.add_argument("--event", help="such as sign_in_failed")
    listed.add_argument("--actor", help="id of the account that acted, or `operator`")
    listed.add_argument("--subject", help="id of the account concerned")
    listed.add_argument("--since", metavar="TIME", help="such as 2026-11-21T09:30:00Z")
    listed.add_argument("--until", metavar="TIME", help="before this time")
    add_limit(listed, "entries")
    listed.add_argument("--json", action="store_true", help="print JSON")
    summary = "check that no sealed entry was changed or deleted: exits with 3 if one was"
    verified = add_command(actions, "verify", "audit:verify", summary)
    verified.add_argument(
        "--expect",
        metavar="HEAD",
        help="a head that was printed or logged before, which must be in the chain",
    )

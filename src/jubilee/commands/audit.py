"""`jubilee audit`: an operator reads and verifies the audit log."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from pydantic import ValidationError

from jubilee.bootstrap.audit import open_verifier
from jubilee.commands.opening import check_schema, with_services
from jubilee.commands.pages import first_rows
from jubilee.commands.reading import read_settings, reasons
from jubilee.commands.refusal import CommandRefused
from jubilee.commands.running import run
from jubilee.domain.audit.entry import AuditEntry, AuditFilter
from jubilee.domain.audit.verification import NotedHead, Verification
from jubilee.domain.identity import OPERATOR
from jubilee.domain.paging import Page, Position
from jubilee.domain.services import Services
from jubilee.entrypoints.audit_texts import entries_as_json, entries_as_table, result_as_text
from jubilee.entrypoints.exit_codes import ALTERED, USAGE
from jubilee.entrypoints.http.audit_models import AuditQuery

FILTERS = ("event", "actor", "subject", "since", "until")


def list_entries(chosen: Namespace) -> int:
    """Print the newest entries, up to the limit."""
    chosen_filter = _filter(chosen)

    async def read(services: Services) -> Sequence[AuditEntry]:
        async def page(after: Position | None, limit: int) -> Page[AuditEntry]:
            return await services.audit.list(chosen_filter, by=OPERATOR, after=after, limit=limit)

        return await first_rows(page, limit=chosen.limit)

    entries = with_services(read_settings(), read, command="audit")
    sys.stdout.write((entries_as_json if chosen.json else entries_as_table)(entries) + "\n")
    return 0


def verify(chosen: Namespace) -> int:
    """Recompute the chain; return ALTERED if it does not fit."""
    settings, noted = read_settings(), _noted(chosen.expect)

    async def check() -> Verification:
        async with open_verifier(settings, noted) as (verifier, read_schema):
            await check_schema(read_schema)
            return await verifier.verify()

    found = run(check())
    sys.stdout.write(result_as_text(found) + "\n")
    sys.stderr.writelines(f"jubilee: {fault}\n" for fault in found.faults)
    return ALTERED if found.faults else 0


def _filter(chosen: Namespace) -> AuditFilter:
    try:
        return AuditQuery(**{name: getattr(chosen, name) for name in FILTERS}).to_domain()
    except ValidationError as error:
        raise CommandRefused(reasons(error), USAGE) from None


def _noted(head: str | None) -> NotedHead | None:
    if head is None:
        return None
    number, _, digest = head.partition(":")
    try:
        return NotedHead(int(number), bytes.fromhex(digest))
    except ValueError:
        raise CommandRefused("--expect must be a head as it was printed", USAGE) from None

"""Output of `jubilee audit`: entries as a table or JSON, and the result of a verification."""

import json
from collections.abc import Sequence

from jubilee.domain.audit.entry import AuditEntry
from jubilee.domain.audit.verification import Verification
from jubilee.domain.text import printable
from jubilee.entrypoints.http.audit_models import AuditReply
from jubilee.entrypoints.text_tables import table

COLUMNS = ("TIME (UTC)", "EVENT", "ACTOR", "SUBJECT", "ADDRESS", "DETAILS")


def entries_as_json(entries: Sequence[AuditEntry]) -> str:
    """Return the entries as in the API."""
    return json.dumps([AuditReply.of(entry).model_dump(mode="json") for entry in entries])


def entries_as_table(entries: Sequence[AuditEntry]) -> str:
    """Return one line per entry."""
    if not entries:
        return "no such entries"
    return table(COLUMNS, *(_row(AuditReply.of(entry)) for entry in entries))


def result_as_text(found: Verification) -> str:
    """Return lines of text; the head is what a later verification can be given."""
    return "\n".join(
        f"{name:<10}{value}"
        for name, value in (
            ("chain", "ALTERED" if found.faults else "intact"),
            ("seals", found.seals),
            ("entries", f"{found.entries} sealed, {found.unsealed} not yet"),
            ("head", f"{found.head}:{found.digest.hex()}"),
        )
    )


def _row(entry: AuditReply) -> tuple[str, ...]:
    details = " ".join(f"{name}={value}" for name, value in sorted(entry.details.items()))
    cells = (
        f"{entry.occurred_at:%Y-%m-%d %H:%M:%S}",
        entry.event,
        str(entry.actor_id or entry.actor),
        str(entry.subject_id or "none"),
        entry.address or "-",
        details,
    )
    return tuple(map(printable, cells))

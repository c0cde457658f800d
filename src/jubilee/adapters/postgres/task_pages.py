"""Pages of tasks, newest first, whatever they are filtered by."""

from functools import lru_cache

from sqlalchemy import text

from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.tasks.task import Task

TASK = ", ".join(Task.__dataclass_fields__)
SHAPES = 8  # with an owner, a kind, a position, or without

# An id grows with time: the newest is the highest.
NEWEST = "ORDER BY id DESC LIMIT CAST(:rows AS integer)"


@lru_cache(maxsize=SHAPES)
def page_statement(*, owned: bool, of_kind: bool, continued: bool) -> Statement:
    """Binds `statuses` and `rows`, and `owner`, `kind` and `last` as asked.

    A short index scan for each status, merged: one index serves a list with a status and without.
    """
    conditions = [
        "task_id IS NOT NULL",
        "status = wanted.status",
        *(["owner_id = CAST(:owner AS uuid)"] if owned else []),
        *(["kind = CAST(:kind AS text)"] if of_kind else []),
        *(["id < CAST(:last AS uuid)"] if continued else []),
    ]
    return Statement(
        text(f"""
        SELECT found.* FROM unnest(CAST(:statuses AS text[])) AS wanted (status)
        CROSS JOIN LATERAL (
            SELECT {TASK} FROM jobs WHERE {" AND ".join(conditions)} {NEWEST}
        ) AS found
        {NEWEST}
        """)  # noqa: S608  # constants
    )

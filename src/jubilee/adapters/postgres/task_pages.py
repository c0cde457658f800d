"""Pages of tasks, newest first, whatever they are filtered by."""

from functools import lru_cache

from sqlalchemy import text

from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.tasks.task import Task

TASK = ", ".join(Task.__dataclass_fields__)
SHAPES = 8  # with an owner, a kind, a position, or without

# As JSON: its four documents are all of a task that may be long.
SIZE = " + ".join(
    f"coalesce(octet_length(CAST({name} AS text)), 0)"
    for name in ("data", "progress", "result", "error")
)

# An id grows with time: the newest is the highest.
NEWEST = "ORDER BY id DESC LIMIT CAST(:rows AS integer)"


@lru_cache(maxsize=SHAPES)
def page_statement(*, owned: bool, of_kind: bool, continued: bool) -> Statement:
    """Binds `statuses`, `rows` and `bytes`, and `owner`, `kind` and `last` as asked.

    A short index scan for each status, merged: one index serves a list with a status and without.
    Each row says how many there are; of those, the newest are given whose size together has room.
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
        WITH newest AS (
            SELECT found.* FROM unnest(CAST(:statuses AS text[])) AS wanted (status)
            CROSS JOIN LATERAL (
                SELECT {TASK} FROM jobs WHERE {" AND ".join(conditions)} {NEWEST}
            ) AS found
            {NEWEST}
        ), sized AS (
            SELECT newest.*, count(*) OVER () AS there,
                row_number() OVER by_age AS place, sum({SIZE}) OVER by_age AS so_far
            FROM newest WINDOW by_age AS (ORDER BY id DESC)
        )
        SELECT {TASK}, there FROM sized
        WHERE so_far <= CAST(:bytes AS bigint) OR place = 1 ORDER BY id DESC
        """)  # noqa: S608  # constants
    )

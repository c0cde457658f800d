"""Statements for pages of tasks, newest first, by owner, status and kind."""

from enum import Enum
from functools import lru_cache

from asyncpg import Record

from jubilee.adapters.postgres.documents import decode
from jubilee.adapters.postgres.statement import Statement, compose
from jubilee.domain.tasks.task import Task, TaskStatus

DOCUMENTS = ("data", "progress", "result", "error")
COLUMNS = ", ".join(Task.__dataclass_fields__)
# A job that no account requested has no `task_id`; its `owner_id`, the account it is for, is
# not returned. Documents are read as text: a producer may write JSON that Python cannot read.
SPECIAL = {
    "task_id": "coalesce(task_id, CAST(id AS text)) AS task_id",
    "owner_id": "CASE WHEN task_id IS NOT NULL THEN owner_id END AS owner_id",
    **{name: f"CAST({name} AS text) AS {name}" for name in DOCUMENTS},
}
TASK = ", ".join(SPECIAL.get(name, name) for name in Task.__dataclass_fields__)

# Size of a task in bytes: only its four documents may be long.
SIZE = " + ".join(f"coalesce(octet_length(CAST({name} AS text)), 0)" for name in DOCUMENTS)

# Ids grow with time: the newest is the highest.
NEWEST = "ORDER BY id DESC LIMIT CAST(:rows AS integer)"
# A range of one status, in the order of the lists' indexes. With `status = …` the planner might
# walk the primary key instead, past jobs of every other status.
WITHIN = "ORDER BY status DESC, id DESC LIMIT CAST(:rows AS integer)"
SCAN = """
    (SELECT {columns} FROM jobs WHERE {condition} {kind}
        AND status >= wanted.status AND (status, id) {bound} {order})
"""
LAST = "CAST('ffffffff-ffff-ffff-ffff-ffffffffffff' AS uuid)"


class OwnerScope(Enum):
    """Which jobs are listed, by their owner."""

    OWNED = "owned"  # those that one account requested
    UNOWNED = "unowned"
    ALL = "all"


CONDITIONS = {
    OwnerScope.OWNED: ("task_id IS NOT NULL AND owner_id = CAST(:owner AS uuid)",),
    OwnerScope.UNOWNED: ("task_id IS NULL",),
    OwnerScope.ALL: ("task_id IS NOT NULL", "task_id IS NULL"),
}
PAGE_STATEMENTS = 4 * len(OwnerScope)  # each with a kind, a position, or without


@lru_cache(maxsize=PAGE_STATEMENTS)
def page_statement(scope: OwnerScope, *, of_kind: bool, continued: bool) -> Statement:
    """Statement of a page; binds `statuses`, `rows`, `bytes`, and `owner`, `kind`, `last` if used.

    Merges a short index scan per status: one index serves lists with a status and without.
    Returns the newest rows whose total size is at most `bytes`, at least one; each has the number
    of rows that were found (`there`).
    """
    kind = "AND kind = CAST(:kind AS text)" if of_kind else ""
    bound = "< (wanted.status, CAST(:last AS uuid))" if continued else f"<= (wanted.status, {LAST})"
    scans = " UNION ALL ".join(
        compose(SCAN, columns=COLUMNS, condition=condition, kind=kind, bound=bound, order=WITHIN)
        for condition in CONDITIONS[scope]
    )
    return Statement.from_sql(
        """
        WITH newest AS (
            SELECT found.* FROM unnest(CAST(:statuses AS text[])) AS wanted (status)
            CROSS JOIN LATERAL ({scans}) AS found
            {newest}
        ), sized AS (
            SELECT newest.*, count(*) OVER () AS there,
                row_number() OVER by_age AS place, sum({size}) OVER by_age AS so_far
            FROM newest WINDOW by_age AS (ORDER BY id DESC)
        )
        SELECT {task}, there FROM sized
        WHERE so_far <= CAST(:bytes AS bigint) OR place = 1 ORDER BY id DESC
        """,
        scans=scans,
        newest=NEWEST,
        size=SIZE,
        task=TASK,
    )


def read_task(row: Record) -> Task:
    """Return the task of a row with the columns `TASK`."""
    values = {name: row[name] for name in Task.__dataclass_fields__}
    documents = {name: decode(row[name]) for name in DOCUMENTS}
    documents["data"] = documents["data"] or {}
    return Task(**{**values, **documents, "status": TaskStatus(row["status"])})

"""Checking the history of requests against the tables."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from tests.system.chaos.database import Database
from tests.system.chaos.history import TaskHistory

LIVE = ("queued", "running")
ENDS = """
    SELECT jobs.id, task_id, kind, status, coalesce(found.number, 0) AS effects
    FROM jobs LEFT JOIN (
        SELECT job_id, count(*) AS number FROM effects GROUP BY job_id
    ) AS found ON found.job_id = jobs.id
    WHERE kind LIKE 'chaos.%'
"""
STRAY = """
    SELECT job_id FROM effects WHERE NOT EXISTS (SELECT FROM jobs WHERE id = job_id)
"""
TWICE = "SELECT job_id FROM runs GROUP BY job_id, epoch HAVING count(*) > 1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Jobs that violate an invariant, by invariant."""

    lost: set[UUID] = field(default_factory=set)
    doubled: set[UUID] = field(default_factory=set)
    phantom: set[UUID] = field(default_factory=set)
    stuck: set[UUID] = field(default_factory=set)
    run_twice: set[UUID] = field(default_factory=set)

    def __str__(self) -> str:
        names = ("lost", "doubled", "phantom", "stuck", "run_twice")
        return ", ".join(f"{name} {len(getattr(self, name))}" for name in names)

    @property
    def wrong(self) -> set[UUID]:
        """All violating jobs."""
        return self.lost | self.doubled | self.phantom | self.stuck | self.run_twice


CLEAN = Verdict()
MOST = 20  # jobs that a report lists
STORY = """
    SELECT id, kind, status, attempts, epoch, error,
        (SELECT json_agg(runs ORDER BY at) FROM runs WHERE job_id = jobs.id) AS runs,
        (SELECT json_agg(effects ORDER BY at) FROM effects WHERE job_id = jobs.id) AS effects
    FROM jobs WHERE id = ANY($1)
"""


def story(database: Database, verdict: Verdict) -> str:
    """Describe the violating jobs."""
    wrong = sorted(verdict.wrong)[:MOST]
    return "\n".join(str(dict(row)) for row in database.all(STORY, wrong))


def judge(
    database: Database,
    tasks: TaskHistory | None = None,
    *,
    added: Collection[UUID] = (),
    dead: Collection[str] = ("chaos.poison",),
) -> Verdict:
    """Check that every acknowledged job ended with exactly its effects.

    `added` are jobs that were inserted by hand; kinds in `dead` are to die without an effect.
    """
    tasks = tasks or TaskHistory()
    promised = {*tasks.acknowledged.values(), *added}
    rows = {row["id"]: row for row in database.all(ENDS)}
    good = {
        key
        for key, row in rows.items()
        if (row["status"], row["effects"])
        == (("dead", 0) if row["kind"] in dead else ("succeeded", 1))
    }
    stuck = {key for key, row in rows.items() if row["status"] in LIVE}
    unasked = {
        key
        for key, row in rows.items()
        if key not in promised and row["task_id"] not in tasks.unknown
    }
    untrue = {key for key, row in rows.items() if row["effects"] and row["status"] != "succeeded"}
    return Verdict(
        lost=promised - good - stuck,
        doubled={key for key, row in rows.items() if row["effects"] > 1},
        phantom=unasked | untrue | {row["job_id"] for row in database.all(STRAY)},
        stuck=stuck,
        run_twice={row["job_id"] for row in database.all(TWICE)},
    )

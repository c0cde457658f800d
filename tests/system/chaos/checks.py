"""What must hold in the end: the history against the tables."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from tests.system.chaos.database import Database
from tests.system.chaos.history import Told

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
    """Jobs by what is wrong with them."""

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
        """All of them."""
        return self.lost | self.doubled | self.phantom | self.stuck | self.run_twice


CLEAN = Verdict()
MOST = 20  # jobs that are told about
STORY = """
    SELECT id, kind, status, attempts, epoch, error,
        (SELECT json_agg(runs ORDER BY at) FROM runs WHERE job_id = jobs.id) AS runs,
        (SELECT json_agg(effects ORDER BY at) FROM effects WHERE job_id = jobs.id) AS effects
    FROM jobs WHERE id = ANY($1)
"""


def story(database: Database, verdict: Verdict) -> str:
    """What is known of the jobs with which something is wrong."""
    wrong = sorted(verdict.wrong)[:MOST]
    return "\n".join(str(dict(row)) for row in database.all(STORY, wrong))


def judge(
    database: Database,
    told: Told | None = None,
    *,
    added: Collection[UUID] = (),
    dead: Collection[str] = ("chaos.poison",),
) -> Verdict:
    """Every job that was promised ends as it should, with the effects that it should have.

    `added` are jobs that were inserted by hand; kinds in `dead` are to die without an effect.
    """
    told = told or Told()
    promised = {*told.acknowledged.values(), *added}
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
        if key not in promised and row["task_id"] not in told.unknown
    }
    untrue = {key for key, row in rows.items() if row["effects"] and row["status"] != "succeeded"}
    return Verdict(
        lost=promised - good - stuck,
        doubled={key for key, row in rows.items() if row["effects"] > 1},
        phantom=unasked | untrue | {row["job_id"] for row in database.all(STRAY)},
        stuck=stuck,
        run_twice={row["job_id"] for row in database.all(TWICE)},
    )

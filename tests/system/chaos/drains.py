"""Waiting for the end, and for beginnings."""

from uuid import UUID

from tests.system.chaos.database import Database
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.member import Member

PATIENCE_S = 90.0  # far more than it takes on a machine that does other things as well


def drained(
    fleet: Fleet, database: Database, within: float = PATIENCE_S, *, patient: bool = False
) -> bool:
    """Whether all has ended in time, where nobody waits long for another attempt.

    Unless we are patient, what was dispatched is dispatched again and again.
    """

    def is_empty() -> bool:
        database.hurry()
        if not patient:
            database.age()
        return database.live() == 0

    return fleet.wait(is_empty, within)


def starts(database: Database) -> list[float]:
    """Seconds from when each job was asked for until it first ran."""
    rows = database.all(
        "SELECT min(at) - created_at AS wait FROM jobs JOIN runs ON job_id = id GROUP BY id"
    )
    return [row["wait"].total_seconds() for row in rows]


def runner(fleet: Fleet, database: Database, job: UUID) -> Member:
    """Who has begun it first."""
    asked = "SELECT pid FROM runs WHERE job_id = $1 ORDER BY at"
    assert fleet.wait(lambda: database.all(asked, job), 20)
    pid = database.one(asked, job)["pid"]
    return next(worker for worker in fleet.workers if worker.pid == pid)

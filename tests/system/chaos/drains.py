"""Waiting until jobs have ended, and measuring their starts."""

from uuid import UUID

from tests.system.chaos.database import Database
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.member import Member

PATIENCE_S = 180.0  # far more than it takes on a machine that does other things as well


def has_drained(
    fleet: Fleet, database: Database, within: float = PATIENCE_S, *, patient: bool = False
) -> bool:
    """Return whether all jobs end in time, with the delays of retries shortened.

    Unless we are patient, what was dispatched is dispatched again and again.
    """

    def is_empty() -> bool:
        database.hurry()
        if not patient:
            database.age()
        return database.live() == 0

    return fleet.wait(is_empty, within)


def starts(database: Database) -> list[float]:
    """Return the seconds from each job's creation to its first start."""
    rows = database.all(
        "SELECT min(at) - created_at AS wait FROM jobs JOIN runs ON job_id = id GROUP BY id"
    )
    return [row["wait"].total_seconds() for row in rows]


def runner(fleet: Fleet, database: Database, job: UUID) -> Member:
    """Return the worker that started the job first."""
    asked = "SELECT pid FROM runs WHERE job_id = $1 ORDER BY at"
    assert fleet.wait(lambda: database.all(asked, job))
    pid = database.one(asked, job)["pid"]
    return next(worker for worker in fleet.workers if worker.pid == pid)

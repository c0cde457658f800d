"""Settings of workers, jobs and tasks."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt

from jubilee.domain.jobs.retries import MAX_CRASHES
from jubilee.settings.group import SettingsGroup
from jubilee.settings.server import MAX_PROCESSES


class JobSettings(SettingsGroup):
    """Concurrency, timeouts and retention of jobs."""

    worker_concurrency: int = Field(
        1, ge=1, le=MAX_PROCESSES, description="processes of one worker, each with slots of its own"
    )
    lease_seconds: float = Field(
        30, ge=1, le=3600, description="seconds until an unrenewed claim on a job expires"
    )
    job_timeout: PositiveFloat = Field(
        300, description="upper limit in seconds of one attempt, also for kinds that allow more"
    )
    job_max_crashes: PositiveInt = Field(
        MAX_CRASHES, description="attempts whose worker died after which a job is dead"
    )
    worker_system_slots: PositiveInt = Field(
        10, description="concurrent system jobs in one process of a worker"
    )
    worker_user_slots: PositiveInt = Field(
        20, description="concurrent tasks of users in one process of a worker"
    )
    worker_heartbeat_file: Path | None = Field(
        None, description="file that a worker touches for `jubilee health worker`"
    )
    worker_read_limit: PositiveInt = Field(
        500,
        description="queued jobs read from Redis at once; above twice the slots of all processes",
    )
    tasks_live_per_user: PositiveInt = Field(
        10_000, description="unfinished tasks that one account may have"
    )
    task_retention: PositiveFloat = Field(7, description="days until finished jobs are deleted")

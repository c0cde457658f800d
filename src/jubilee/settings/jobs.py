"""Workers, jobs and tasks."""

from pydantic import Field, PositiveFloat, PositiveInt

from jubilee.domain.jobs.retries import MAX_CRASHES
from jubilee.settings.group import SettingsGroup


class JobSettings(SettingsGroup):
    """How many jobs run at a time, how long they may take and how long they are kept."""

    lease_seconds: float = Field(30, ge=1, le=3600, description="how long a claim on a job lasts")
    job_timeout: PositiveFloat = Field(
        300, description="seconds that one attempt at a job may take, whatever its kind allows"
    )
    job_max_crashes: PositiveInt = Field(
        MAX_CRASHES, description="attempts whose worker died after which a job is dead"
    )
    worker_system_slots: PositiveInt = Field(10, description="the service's own jobs at a time")
    worker_user_slots: PositiveInt = Field(20, description="people's tasks at a time")
    worker_read_limit: PositiveInt = Field(
        500, description="jobs looked at in Redis; more than twice the slots of all workers"
    )
    tasks_live_per_user: PositiveInt = Field(
        10_000, description="tasks of one account that have yet to end"
    )
    task_retention: PositiveFloat = Field(7, description="days after which ended jobs leave")

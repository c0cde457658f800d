"""Jobs, and the workers that run them."""

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jubilee.adapters.postgres.columns import instant, metadata, owner

LIVE = "status IN ('queued', 'running')"
TASKS = text("task_id IS NOT NULL")
UNOWNED = text("task_id IS NULL")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("owner_id", nullable=True),
    Column("task_id", Text),
    Column("key", Text, unique=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False),
    instant("run_at"),
    instant("dispatched_at", nullable=True),
    instant("lease_until", nullable=True),
    Column("worker_id", Uuid),
    instant("cancel_requested_at", nullable=True),
    Column("progress", JSONB),
    Column("result", JSONB),
    Column("error", JSONB),
    Column("correlation_id", Text),
    Column("trace_context", JSONB),
    instant("created_at"),
    instant("started_at", nullable=True),
    instant("finished_at", nullable=True),
    UniqueConstraint("owner_id", "task_id"),
    CheckConstraint("octet_length(data::text) <= 131072", name="data_size"),
    CheckConstraint(
        "status IN ('queued', 'running', 'succeeded', 'dead', 'cancelled')", name="status"
    ),
    CheckConstraint(f"({LIVE}) = (finished_at IS NULL)", name="finished"),
    Index(
        "ix_jobs_queued",
        "lane",
        "priority",
        "run_at",
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    # Few rows: dispatch is bounded. Without it, each look for lost messages would read a backlog.
    Index(
        "ix_jobs_dispatched",
        "dispatched_at",
        "id",
        postgresql_where=text("status = 'queued' AND dispatched_at IS NOT NULL"),
    ),
    Index("ix_jobs_leases", "lease_until", postgresql_where=text("status = 'running'")),
    Index("ix_jobs_dead", "lane", postgresql_where=text("status = 'dead'")),
    Index("ix_jobs_owner_id_id", "owner_id", "id"),
    Index("ix_jobs_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    # Lists of tasks, with or without a status; the first index also counts an owner's live tasks.
    Index("ix_tasks_owner_id_status_id", "owner_id", "status", "id", postgresql_where=TASKS),
    Index(
        "ix_tasks_owner_id_kind_status_id",
        "owner_id",
        "kind",
        "status",
        "id",
        postgresql_where=TASKS,
    ),
    Index("ix_tasks_status_id", "status", "id", postgresql_where=TASKS),
    Index("ix_tasks_kind_status_id", "kind", "status", "id", postgresql_where=TASKS),
    # The same for jobs that no account requested: of producers, mails, greetings.
    Index("ix_unowned_status_id", "status", "id", postgresql_where=UNOWNED),
    Index("ix_unowned_kind_status_id", "kind", "status", "id", postgresql_where=UNOWNED),
)

# Tasks end without a write to it: the bound only grows until it reaches the limit and the live
# tasks are counted. Without a row nothing is known.
task_quotas = Table(
    "task_quotas",
    metadata,
    Column("owner_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    # An upper bound of the owner's live tasks.
    Column("live_at_most", Integer, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("host", Text, nullable=False),
    Column("version", Text, nullable=False),
    # Kinds of jobs that it runs; NULL for a worker of an older version.
    Column("kinds", ARRAY(Text)),
    instant("started_at"),
    instant("heard_at"),
)

"""Indexes of the queues and of dispatched jobs; a wait for due jobs in the server.

`ix_jobs_due` lacks the queue: with one queue full, its backlog would be read to find the jobs of
the other. The version before still finds its jobs by the new index, more slowly with a backlog.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261217_bounded_dispatch"
down_revision = "20261216_invite_codes"
branch_labels = None
depends_on = None

QUEUED = sa.text("status = 'queued'")
DISPATCHED = sa.text("status = 'queued' AND dispatched_at IS NOT NULL")

# The first number of the lock is "jobt" in ASCII.
# A producer's transaction that notifies would make all others that do so commit one after the
# other (48 writers: 634 transactions a second instead of 4496), and LISTEN does not work behind
# PgBouncer in transaction mode. A look of 40 us each 10 ms costs neither the producers nor, as it
# is taken here, the worker. One session looks for each set of kinds: the lock ends with the call.
# Jobs of the API are sent to Redis right after their commit, and mostly claimed before they are
# 5 ms old. A slow look, at many jobs of kinds without a worker, is taken less often: it uses a
# twentieth of the time at most.
WAIT = """
CREATE FUNCTION wait_for_due_jobs(
    waiter integer, kinds text[], queues text[], seconds double precision
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz := clock_timestamp() + seconds * interval '1 second';
    began timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1785684596, waiter) THEN
        RETURN false;
    END IF;
    LOOP
        began := clock_timestamp();
        IF EXISTS (
            SELECT FROM unnest(queues) AS queue, generate_series(0, 9) AS level
            CROSS JOIN LATERAL (
                SELECT FROM public.jobs
                WHERE status = 'queued' AND lane = queue AND priority = level
                    AND run_at <= began - interval '5 milliseconds'
                    AND kind = ANY(kinds) AND dispatched_at IS NULL
                LIMIT 1
            ) AS due
        ) THEN
            RETURN true;
        END IF;
        IF clock_timestamp() >= until THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(greatest(0.01, 19 * extract(epoch FROM clock_timestamp() - began)));
    END LOOP;
END
$$
"""
SIGNATURE = "FUNCTION wait_for_due_jobs(integer, text[], text[], double precision)"


def upgrade() -> None:
    _swap(
        [("ix_jobs_queued", ["lane", "priority", "run_at", "id"], QUEUED),
         ("ix_jobs_dispatched", ["dispatched_at", "id"], DISPATCHED)],
        ["ix_jobs_due"],
    )  # fmt: skip
    op.execute(WAIT)


def downgrade() -> None:
    op.execute(f"DROP {SIGNATURE}")
    _swap(
        [("ix_jobs_due", ["priority", "run_at", "id"], QUEUED)],
        ["ix_jobs_queued", "ix_jobs_dispatched"],
    )


def _swap(created: list[tuple[str, list[str], sa.TextClause]], dropped: list[str]) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, columns, where in created:
            op.drop_index(name, "jobs", postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name, "jobs", columns, postgresql_concurrently=True, postgresql_where=where
            )
        for name in dropped:
            op.drop_index(name, "jobs", postgresql_concurrently=True, if_exists=True)

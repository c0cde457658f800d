"""Functions that find, claim and end jobs by index, however many there are.

The plan of a prepared statement is kept until the table is analyzed. One that was made while the
table was almost empty reads the whole table, and did so for up to a minute after many jobs were
added: with 200 000 due, a claim took 150 ms and a worker ran 156 jobs a second. In a function, each
call is planned for the size that the table has, in a fraction of a millisecond for all jobs of the
batch. Its settings hold behind PgBouncer in transaction mode, too, and cost no round trip.
"""

from alembic import op

revision = "20261219_indexed_job_functions"
down_revision = "20261218_greeting_states"
branch_labels = None
depends_on = None

ACCEPTED_LOCKS = {"changing-all-rows": "in the bodies of functions, a batch at each call"}

# Statistics may know of no queued job while there are 200 000: of what they mislead the planner to,
# only nested loops over index scans remain. With sorting off, ORDER BY names the index.
SETTINGS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
}
WAIT = "FUNCTION wait_for_due_jobs(integer, text[], text[], double precision)"

# It looks 100 times a second, for which planning would cost more than looking.
WAIT_SETTINGS = {**SETTINGS, "plan_cache_mode": "force_generic_plan"}
CALL_SETTINGS = {**SETTINGS, "plan_cache_mode": "force_custom_plan"}

# One index scan for each queue and priority: neither jobs that are due later nor those of a queue
# that is full are read. Levels come sorted: sorted afterwards, up to twenty times the limit would
# be locked. MATERIALIZED, or the planner might lock and mark more rows than the limit says.
MARK = (
    """
mark_due_jobs(kinds text[], queues text[], levels integer[], max_rows integer)
RETURNS TABLE (id uuid, epoch integer, lane text, priority smallint, kind text)
""",
    """
    RETURN QUERY WITH due AS MATERIALIZED (
        SELECT found.id
        FROM unnest(mark_due_jobs.queues, mark_due_jobs.levels) AS wanted (queue, level)
        CROSS JOIN LATERAL (
            SELECT jobs.id FROM public.jobs
            WHERE status = 'queued' AND jobs.lane = wanted.queue AND jobs.priority = wanted.level
                AND run_at <= now() AND jobs.kind = ANY(mark_due_jobs.kinds)
                AND dispatched_at IS NULL
            ORDER BY run_at, jobs.id LIMIT mark_due_jobs.max_rows FOR UPDATE SKIP LOCKED
        ) AS found
        LIMIT mark_due_jobs.max_rows
    )
    UPDATE public.jobs SET dispatched_at = now() FROM due WHERE jobs.id = due.id
    RETURNING jobs.id, jobs.epoch, jobs.lane, jobs.priority, jobs.kind;
""",
)

SUMMARY = (
    """
summarize_due_jobs(kinds text[], queues text[], unclaimed_after interval)
RETURNS TABLE (seconds double precision, waits boolean)
""",
    """
    RETURN QUERY SELECT (
        SELECT CAST(extract(epoch FROM min(soonest.run_at) - now()) AS double precision)
        FROM unnest(summarize_due_jobs.queues) AS queue, generate_series(0, 9) AS level
        CROSS JOIN LATERAL (
            SELECT run_at FROM public.jobs
            WHERE status = 'queued' AND lane = queue AND priority = level AND run_at > now()
                AND kind = ANY(summarize_due_jobs.kinds)
            ORDER BY run_at LIMIT 1
        ) AS soonest
    ), (
        SELECT true FROM public.jobs
        WHERE status = 'queued' AND run_at <= now()
            AND dispatched_at < now() - summarize_due_jobs.unclaimed_after
            AND kind = ANY(summarize_due_jobs.kinds) AND lane = ANY(summarize_due_jobs.queues)
        ORDER BY dispatched_at, id LIMIT 1
    ) IS NOT NULL;
""",
)

# The row comparison is a condition of the index: every page costs the same.
UNCLAIMED = (
    """
find_unclaimed_jobs(
    kinds text[], queues text[], unclaimed_after interval, after timestamptz, after_id uuid,
    max_rows integer
) RETURNS TABLE (
    id uuid, epoch integer, lane text, priority smallint, kind text, dispatched_at timestamptz
)
""",
    """
    RETURN QUERY
    SELECT jobs.id, jobs.epoch, jobs.lane, jobs.priority, jobs.kind, jobs.dispatched_at
    FROM public.jobs
    WHERE status = 'queued' AND run_at <= now()
        AND jobs.dispatched_at < now() - find_unclaimed_jobs.unclaimed_after
        AND (jobs.dispatched_at, jobs.id)
            > (find_unclaimed_jobs.after, find_unclaimed_jobs.after_id)
        AND jobs.kind = ANY(find_unclaimed_jobs.kinds)
        AND jobs.lane = ANY(find_unclaimed_jobs.queues)
    ORDER BY jobs.dispatched_at, jobs.id LIMIT find_unclaimed_jobs.max_rows;
""",
)

# `|| ''` hides the condition from the planner, which would otherwise choose a partial index, of all
# queued or all running jobs, while its statistics know of few.
# Rows that another worker is claiming are skipped: no wait, no deadlock.
CLAIM = (
    """
claim_jobs(ids uuid[], epochs integer[], kinds text[], lease_seconds double precision, worker uuid)
RETURNS TABLE (
    id uuid, epoch integer, kind text, data text, attempts integer, max_attempts integer,
    owner_id uuid, correlation_id text, trace_context jsonb, lane text, waited double precision,
    age double precision, by_admin boolean
)
""",
    """
    RETURN QUERY WITH free AS MATERIALIZED (
        SELECT found.id FROM unnest(claim_jobs.ids, claim_jobs.epochs) AS wanted (id, epoch)
        CROSS JOIN LATERAL (
            SELECT jobs.id FROM public.jobs
            WHERE jobs.id = wanted.id AND jobs.epoch = wanted.epoch
                AND status || '' = 'queued' AND run_at <= now()
                AND jobs.kind = ANY(claim_jobs.kinds)
            FOR UPDATE SKIP LOCKED
        ) AS found
    )
    UPDATE public.jobs SET status = 'running', attempts = jobs.attempts + 1,
        epoch = jobs.epoch + 1, started_at = now(), worker_id = claim_jobs.worker,
        lease_until = now() + claim_jobs.lease_seconds * interval '1 second'
    FROM free WHERE jobs.id = free.id
    RETURNING jobs.id, jobs.epoch, jobs.kind, CAST(jobs.data AS text), jobs.attempts,
        jobs.max_attempts, jobs.owner_id, jobs.correlation_id, jobs.trace_context, jobs.lane,
        CAST(extract(epoch FROM now() - run_at) AS double precision),
        CAST(extract(epoch FROM now() - created_at) AS double precision), coalesce(
            (SELECT is_superuser AND is_active FROM public.users WHERE users.id = jobs.owner_id),
            true
        );
""",
)

CLAIMABLE = (
    """
find_claimable_jobs(ids uuid[], epochs integer[], kinds text[]) RETURNS TABLE (id uuid)
""",
    """
    RETURN QUERY
    SELECT jobs.id
    FROM unnest(find_claimable_jobs.ids, find_claimable_jobs.epochs) AS wanted (id, epoch)
    JOIN public.jobs ON jobs.id = wanted.id AND jobs.epoch = wanted.epoch
    WHERE status || '' = 'queued' AND run_at <= now()
        AND kind = ANY(find_claimable_jobs.kinds);
""",
)

# Fenced row by row. Locked rows are skipped: one that an API process holds would delay all others.
SUCCEED = (
    """
succeed_jobs(ids uuid[], epochs integer[], results text[]) RETURNS TABLE (id uuid)
""",
    """
    RETURN QUERY WITH held AS MATERIALIZED (
        SELECT found.id, ended.result
        FROM unnest(succeed_jobs.ids, succeed_jobs.epochs, succeed_jobs.results)
            AS ended (id, epoch, result)
        CROSS JOIN LATERAL (
            SELECT jobs.id FROM public.jobs
            WHERE jobs.id = ended.id AND jobs.epoch = ended.epoch
                AND status || '' = 'running'
            FOR UPDATE SKIP LOCKED
        ) AS found
    )
    UPDATE public.jobs SET status = 'succeeded', finished_at = now(), lease_until = NULL,
        error = NULL, result = CAST(held.result AS jsonb)
    FROM held WHERE jobs.id = held.id RETURNING jobs.id;
""",
)
END = (
    """
end_job(id uuid, epoch integer, status text, error text, result text) RETURNS TABLE (ended uuid)
""",
    """
    RETURN QUERY
    UPDATE public.jobs SET status = end_job.status, finished_at = now(), lease_until = NULL,
        error = CASE WHEN end_job.status = 'succeeded' THEN NULL
            ELSE coalesce(CAST(end_job.error AS jsonb), jobs.error) END,
        result = CAST(end_job.result AS jsonb)
    WHERE jobs.id = end_job.id AND jobs.epoch = end_job.epoch AND jobs.status || '' = 'running'
    RETURNING jobs.id;
""",
)
FUNCTIONS = (MARK, SUMMARY, UNCLAIMED, CLAIM, CLAIMABLE, SUCCEED, END)


def upgrade() -> None:
    settings = " ".join(f"SET {name} = {value}" for name, value in CALL_SETTINGS.items())
    for declaration, body in FUNCTIONS:
        op.execute(
            f"CREATE FUNCTION {declaration} LANGUAGE plpgsql "
            f"SET search_path = pg_catalog, pg_temp {settings} AS $$\n"
            f"#variable_conflict use_column\nBEGIN{body}END\n$$"
        )
    for name, value in WAIT_SETTINGS.items():
        op.execute(f"ALTER {WAIT} SET {name} = {value}")


def downgrade() -> None:
    for name in WAIT_SETTINGS:
        op.execute(f"ALTER {WAIT} RESET {name}")
    for declaration, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {declaration.split('(')[0].strip()}")

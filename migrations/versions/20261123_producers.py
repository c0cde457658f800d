"""`jubilee.enqueue`: how programs in any language ask for work, in their own transactions.

Its signature is a contract. A later migration may replace the body (CREATE OR REPLACE keeps the
grants); what needs another argument becomes an overload without defaults.
"""

from alembic import op

revision = "20261123_producers"
down_revision = "20261122_greetings"
branch_labels = None
depends_on = None

# It acts as its owner, so that a producer needs no right on any table; hence the fixed search_path
# and the full names, and hence nobody may call it before being granted to.
# A second look is needed where the job of a key was committed, or removed, while we waited for it.
# The id is a UUID of version 7 (PostgreSQL makes them from 18 on only): milliseconds, 7, then what
# is left of the microseconds, so that the jobs of a transaction start in the order of their calls.
ENQUEUE = r"""
CREATE FUNCTION jubilee.enqueue(
    kind text, data jsonb DEFAULT '{}', key text DEFAULT NULL, run_at timestamptz DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    bad text := CASE
        WHEN (enqueue.kind COLLATE "C" ~ '^[a-z][a-z0-9_.-]{0,99}$') IS NOT TRUE
            THEN 'kind must be 1 to 100 of a-z, 0-9, "_", "." and "-", and begin with a letter'
        WHEN jsonb_typeof(enqueue.data) IS DISTINCT FROM 'object'
            THEN 'data must be a JSON object'
        WHEN octet_length(enqueue.data::text) > 65536
            THEN 'data must not be longer than 65536 bytes'
        WHEN length(enqueue.key) NOT BETWEEN 1 AND 200
            THEN 'key must have 1 to 200 characters'
        WHEN enqueue.run_at >= '9999-12-31 00:00:00+00'
            THEN 'run_at must be before 9999-12-31'
    END;
    micros bigint := floor(extract(epoch FROM clock_timestamp()) * 1000000);
    head bytea := int8send(((micros / 1000) << 16) | 28672 | ((micros % 1000) * 4096 / 1000));
    wanted uuid := encode(overlay(uuid_send(gen_random_uuid()) PLACING head FROM 1), 'hex');
    found_id uuid;
    found_kind text;
BEGIN
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = bad;
    END IF;
    FOR look IN 1..10 LOOP
        INSERT INTO public.jobs (
            id, key, kind, lane, data, priority, status, attempts, max_attempts, epoch,
            run_at, created_at
        ) VALUES (
            wanted, enqueue.key, enqueue.kind, 'system', enqueue.data, 5, 'queued', 0, 10, 0,
            greatest(enqueue.run_at, now()), now()
        ) ON CONFLICT (key) DO NOTHING;
        IF FOUND THEN
            RETURN wanted;
        END IF;
        SELECT id, kind INTO found_id, found_kind FROM public.jobs WHERE key = enqueue.key;
        IF FOUND AND found_kind <> enqueue.kind THEN
            RAISE EXCEPTION USING ERRCODE = 'unique_violation',
                MESSAGE = 'key belongs to a job of another kind';
        ELSIF FOUND THEN
            RETURN found_id;
        END IF;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
        MESSAGE = 'the job of this key comes and goes: try again';
END
$$
"""
SIGNATURE = "FUNCTION jubilee.enqueue(text, jsonb, text, timestamptz)"


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS jubilee")
    op.execute(ENQUEUE)
    op.execute(f"REVOKE ALL ON {SIGNATURE} FROM PUBLIC")


def downgrade() -> None:
    op.execute(f"DROP {SIGNATURE}")
    op.execute("DROP SCHEMA jubilee")

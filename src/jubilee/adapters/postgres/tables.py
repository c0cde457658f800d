"""The tables of the schema; migrations are generated from them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jubilee.adapters.postgres.columns import instant, metadata, owner, words

USER_WORDS = words("email", "username", "full_name")
ITEM_WORDS = words("title", "description")

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("username", Text),
    Column("username_key", Text, unique=True),
    Column("password_hash", Text),
    Column("full_name", Text),
    Column("is_active", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("oauth_provider", Text),
    Column("birthday_greeting", Boolean, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Index("ix_users_created_at_id", "created_at", "id"),
    Index("ix_users_admins", "id", postgresql_where=text("is_superuser AND is_active")),
    Index("ix_users_words", text(USER_WORDS), postgresql_using="gin"),
)

# One row for every account, and one for every name saved without an account: the unique key decides
# between concurrent transactions that take the same name.
birthdays = Table(
    "birthdays",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("name_key", Text, unique=True),
    owner("user_id", nullable=True),
    Column("date_of_birth", Date),
    Column("time_zone", Text),
    Column(
        "month_day",
        SmallInteger,
        Computed(
            "(EXTRACT(month FROM date_of_birth) * 100 + EXTRACT(day FROM date_of_birth))::smallint",
            persisted=True,
        ),
    ),
    instant("created_at"),
    instant("updated_at"),
    UniqueConstraint("user_id"),
    CheckConstraint("name_key IS NOT NULL OR user_id IS NOT NULL", name="somebody"),
    Index("ix_birthdays_month_day_id", "month_day", "id"),
    # For planning greetings: rows without an account, which may be many a day, are not in it.
    Index(
        "ix_birthdays_month_day_user_id",
        "month_day",
        "user_id",
        postgresql_where=text("user_id IS NOT NULL"),
    ),
)

# The primary key guarantees one greeting per account and year.
greetings = Table(
    "greetings",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("year", SmallInteger, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("due_on", Date, nullable=False),
    instant("due_at"),
    Column("message_id", Text),
    instant("created_at"),
    instant("sent_at", nullable=True),
    CheckConstraint(
        "state IN ('planned', 'sending', 'sent', 'uncertain', 'skipped')", name="state"
    ),
    CheckConstraint("(state = 'skipped') = (reason IS NOT NULL)", name="reason"),
    Index("ix_greetings_due_on", "due_on"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("user_id"),
    Column("generation", Integer, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    instant("rotated_at"),
    instant("expires_at"),
    instant("created_at"),
    instant("proved_at", nullable=True),
    Column("ip", Text),
    Column("user_agent", Text),
    Index("ix_sessions_user_id_created_at_id", "user_id", "created_at", "id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

LISTED = text("is_active")

items = Table(
    "items",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner("owner_id"),
    # Sorted by code point: the order of a locale changes with its version.
    Column("title", Text(collation="C"), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Index("ix_items_created_at_id", "created_at", "id", postgresql_where=LISTED),
    Index("ix_items_updated_at_id", "updated_at", "id", postgresql_where=LISTED),
    Index("ix_items_title_id", "title", "id", postgresql_where=LISTED),
    # Not partial: it also finds the items that are deleted with an account.
    Index("ix_items_owner_id_is_active_created_at_id", "owner_id", "is_active", "created_at", "id"),
    Index(
        "ix_items_owner_id_updated_at_id", "owner_id", "updated_at", "id", postgresql_where=LISTED
    ),
    Index("ix_items_owner_id_title_id", "owner_id", "title", "id", postgresql_where=LISTED),
    Index("ix_items_words", text(ITEM_WORDS), postgresql_using="gin", postgresql_where=LISTED),
)

# The sealed answers. No foreign key: its lock of the account would be taken after that of an item,
# and the deletion of an account takes them the other way round. Deleting an account deletes them.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("account_id", Uuid),
    Column("answer", LargeBinary, nullable=False),
    instant("created_at"),
    Index("ix_idempotency_keys_account_id", "account_id"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

# Times decide what a key is used for, so that all instances agree without a message.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("private_key", LargeBinary, nullable=False),
    instant("created_at"),
    instant("signs_from"),
    instant("signs_until", nullable=True),
    instant("verifies_until", nullable=True),
    CheckConstraint("algorithm IN ('EdDSA', 'ES256')", name="algorithm"),
    CheckConstraint("(signs_until IS NULL) = (verifies_until IS NULL)", name="ends"),
)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("correlation_id", Text),
    Column("trace_context", JSONB),
    instant("occurred_at"),
    instant("published_at", nullable=True),
    Index("ix_events_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    Index(
        "ix_events_published_at",
        "published_at",
        postgresql_where=text("published_at IS NOT NULL"),
    ),
)

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
    Index("ix_jobs_due", "priority", "run_at", "id", postgresql_where=text("status = 'queued'")),
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

# No reference to accounts: entries outlive them.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("subject_id", Uuid),
    instant("occurred_at"),
    Column("request_id", Text),
    Column("details", JSONB, nullable=False),
    # Who the client was is erased before the rest; its hash stays, for the chain.
    Column("address", Text),
    Column("user_agent", Text),
    Column("client_salt", LargeBinary),
    Column("client_hash", LargeBinary, nullable=False),
    # The seal that covers it; NULL until then.
    Column("seal", BigInteger),
    Index("ix_audit_entries_occurred_at_id", "occurred_at", "id"),
    Index("ix_audit_entries_event_occurred_at_id", "event", "occurred_at", "id"),
    Index("ix_audit_entries_actor_id_occurred_at_id", "actor_id", "occurred_at", "id"),
    Index("ix_audit_entries_subject_id_occurred_at_id", "subject_id", "occurred_at", "id"),
    Index("ix_audit_entries_seal_id", "seal", "id"),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    instant("sealed_at"),
    Column("entries", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# How far the chain is sealed, its clients are erased, and it is pruned; signed by SECRET_KEY.
audit_marks = Table(
    "audit_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seal", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
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

"""Everything that the tables have of a person, for exports.

`PARTS` and `NOT_EXPORTED` name each table that refers to an account; a test holds them together
with the schema.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.identity import UserId
from jubilee.domain.leaving.archive import DataPage, DataPart, PersonalDataReader

PAGE_ROWS = 200
LARGE_PAGE_ROWS = 20  # of tasks, whose documents may have 192 KiB together


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """How the rows of a person are read from a table."""

    table: str
    columns: str
    owner: str = "user_id = :user_id"
    key: str = "id"
    """The column by which pages are read, unique among the rows of a person."""
    key_type: str = "uuid"
    rows: int = PAGE_ROWS
    csv: tuple[str, ...] = ()

    def statement(self) -> Statement:
        """Read a page after the key `:after`, as JSON."""
        return Statement.from_sql(
            """
            SELECT CAST({key} AS text) AS key, CAST(to_jsonb(own) AS text) AS own FROM (
                SELECT {columns} FROM {table} WHERE {owner} AND (
                    CAST(:after AS text) IS NULL
                    OR {key} > CAST(CAST(:after AS text) AS {key_type})
                ) ORDER BY {key} LIMIT CAST(:rows AS integer)
            ) AS own ORDER BY {key}
            """,
            key=self.key,
            key_type=self.key_type,
            columns=self.columns,
            table=self.table,
            owner=self.owner,
        )


ITEM_COLUMNS = ("id", "title", "description", "is_active", "created_at", "updated_at")
PARTS: Mapping[str, PersonalTable] = {
    "account": PersonalTable(
        "users",
        "id, email, username, full_name, is_active, is_superuser, oauth_provider,"
        " birthday_greeting, locale, email_verified_at, locked_at, locked_until, lock_reason,"
        " created_at, updated_at",
        owner="id = :user_id",
    ),
    "birthday": PersonalTable(
        "birthdays", "id, name, date_of_birth, time_zone, created_at, updated_at"
    ),
    "greetings": PersonalTable(
        "greetings",
        "year, state, reason, due_on, due_at, created_at, sent_at",
        key="year",
        key_type="smallint",
    ),
    "invites": PersonalTable(
        "invites", "id, email, role, created_at, expires_at", owner="invited_by = :user_id"
    ),
    "sessions": PersonalTable(
        "sessions",
        "id, created_at, rotated_at, proved_at, second_factor, seen_at, expires_at, ip, user_agent",
    ),
    "items": PersonalTable(
        "items", ", ".join(ITEM_COLUMNS), owner="owner_id = :user_id", csv=ITEM_COLUMNS
    ),
    "tasks": PersonalTable(
        "jobs",
        "id, task_id, kind, data, priority, status, attempts, run_at, progress, result, error,"
        " created_at, started_at, finished_at",
        owner="owner_id = :user_id AND task_id IS NOT NULL",
        rows=LARGE_PAGE_ROWS,
    ),
    "mails": PersonalTable(
        "jobs",
        "id, kind, status, attempts, created_at, finished_at",
        owner="owner_id = :user_id AND task_id IS NULL",
    ),
    "activity": PersonalTable(
        "audit_entries",
        "id, event, occurred_at, details, actor_id = subject_id AS by_oneself,"
        " CASE WHEN actor_id = subject_id THEN address END AS address,"
        " CASE WHEN actor_id = subject_id THEN user_agent END AS user_agent",
        owner="subject_id = :user_id",
    ),
    "roles": PersonalTable("role_grants", "role, granted_at", key="role", key_type="text"),
    "factors": PersonalTable("totp_factors", "id, created_at, confirmed_at"),
    "api_tokens": PersonalTable(
        "api_tokens", "id, name, scopes, created_at, expires_at, last_used_at, is_granted"
    ),
    "links": PersonalTable(
        "one_time_links", "id, purpose, recipient, created_at, expires_at, ended_at"
    ),
    "identities": PersonalTable(
        "identities", "id, provider, issuer, subject, email, created_at, last_used_at"
    ),
    "passkeys": PersonalTable("passkeys", "id, name, backed_up, created_at, last_used_at"),
    "deletion": PersonalTable("account_deletions", "user_id, due_at, requested_at", key="user_id"),
}
"""The files of the archive, in their order."""

NOT_EXPORTED = {
    "recovery_codes": "hashes of secrets",
    "pending_sign_ins": "sign-ins of a few minutes, without the second factor",
    "exports": "the archives themselves",
    "task_quotas": "a bound of the number of tasks, which are exported",
    "idempotency_keys": "answers, which only the client's own key opens",
    "service_accounts": "accounts of machines, which outlive the admin who owns them",
}
"""Tables with rows of a person that are left out, and why."""

STATEMENTS = {name: table.statement() for name, table in PARTS.items()}


@dataclass(frozen=True, slots=True)
class PostgresPersonalData(PersonalDataReader):
    """Reads a page by one statement."""

    executor: Executor

    @property
    def parts(self) -> Sequence[DataPart]:
        return [DataPart(name, table.csv) for name, table in PARTS.items()]

    async def page(self, part: DataPart, user_id: UserId, after: str | None) -> DataPage:
        limit = PARTS[part.name].rows
        statement = STATEMENTS[part.name]
        rows = await self.executor.all(statement, user_id=user_id, after=after, rows=limit)
        found = [json.loads(row["own"]) for row in rows]
        return DataPage(found, rows[-1]["key"] if len(rows) == limit else None)

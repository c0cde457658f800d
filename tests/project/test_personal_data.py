"""What belongs to a person goes with the account, and is in its export."""

import importlib
import pkgutil
import re

import jubilee.adapters.postgres
from jubilee.adapters.postgres.columns import metadata
from jubilee.adapters.postgres.personal_data import NOT_EXPORTED, PARTS

OF_PERSONS = {"users", "audit_entries", "idempotency_keys"}
"""Tables with rows of a person that do not refer to the account by a foreign key."""
NAMES = {"user_id", "owner_id", "account_id", "subject_id", "actor_id", "email", "username"}

UNEXPORTED_COLUMNS = {
    "user_id", "owner_id", "actor_id", "subject_id", "email_key", "username_key", "name_key",
    "recipient_key", "month_day", "password_hash", "token_hash", "previous_hash", "code_hash",
    "client_hash", "client_salt", "secret_hash", "sealed_secret",
    "last_step", "granted_by", "seal", "generation", "version", "message_id", "payload", "key",
    "lane", "max_attempts", "crashes", "epoch", "dispatched_at", "lease_until", "worker_id",
    "credential_id", "public_key", "sign_count",
    "cancel_requested_at", "invited_by", "correlation_id", "trace_context",
    "request_id",
}  # fmt: skip
"""Secrets, comparison keys, the owner, and what the service needs to run."""

for module in pkgutil.walk_packages(
    jubilee.adapters.postgres.__path__, "jubilee.adapters.postgres."
):
    importlib.import_module(module.name)


def owned_tables() -> set[str]:
    """Tables whose rows refer to the account that owns them."""
    return {
        table.name
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "users"
    }


def test_check_45_every_table_of_persons_is_exported_or_left_out_for_a_reason() -> None:
    exported = {table.table for table in PARTS.values()}
    assert exported | set(NOT_EXPORTED) == owned_tables() | OF_PERSONS
    assert exported & set(NOT_EXPORTED) == set()


def test_check_45_every_row_of_a_person_goes_with_the_account() -> None:
    kept = [
        (table.name, key.parent.name)
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "users" and key.ondelete not in {"CASCADE", "SET NULL"}
    ]
    assert kept == []


def test_every_table_that_names_a_person_refers_to_the_account() -> None:
    naming = {t.name for t in metadata.tables.values() if NAMES & set(t.columns.keys())}
    assert naming <= owned_tables() | OF_PERSONS


def test_every_column_of_persons_is_exported_unless_it_is_a_secret_or_internal() -> None:
    parts: dict[str, str] = {}
    for part in PARTS.values():
        parts[part.table] = f"{parts.get(part.table, '')} {part.columns}"
    missing = [
        f"{table}.{column}"
        for table, columns in parts.items()
        for column in (each.name for each in metadata.tables[table].columns)
        if column not in re.findall(r"\w+", columns) and column not in UNEXPORTED_COLUMNS
    ]
    assert missing == []

"""The tables of the schema, a module for each feature; migrations are generated from them."""

from jubilee.adapters.postgres.tables.answers import idempotency_keys
from jubilee.adapters.postgres.tables.api_tokens import api_tokens
from jubilee.adapters.postgres.tables.audit import audit_entries, audit_marks, audit_seals
from jubilee.adapters.postgres.tables.birthdays import birthdays
from jubilee.adapters.postgres.tables.events import events
from jubilee.adapters.postgres.tables.factors import (
    pending_sign_ins,
    recovery_codes,
    totp_factors,
)
from jubilee.adapters.postgres.tables.greetings import counters, greetings
from jubilee.adapters.postgres.tables.identities import identities, spent_tickets
from jubilee.adapters.postgres.tables.invites import invites
from jubilee.adapters.postgres.tables.items import ITEM_TEXT, items
from jubilee.adapters.postgres.tables.jobs import jobs, task_quotas, workers
from jubilee.adapters.postgres.tables.leaving import account_deletions, export_chunks, exports
from jubilee.adapters.postgres.tables.one_time import one_time_links
from jubilee.adapters.postgres.tables.passkeys import passkeys, spent_challenges
from jubilee.adapters.postgres.tables.roles import role_grants, roles
from jubilee.adapters.postgres.tables.service_accounts import service_accounts
from jubilee.adapters.postgres.tables.sessions import sessions
from jubilee.adapters.postgres.tables.signing_keys import signing_keys
from jubilee.adapters.postgres.tables.users import USER_TEXT, users

__all__ = [
    "ITEM_TEXT",
    "USER_TEXT",
    "account_deletions",
    "api_tokens",
    "audit_entries",
    "audit_marks",
    "audit_seals",
    "birthdays",
    "counters",
    "events",
    "export_chunks",
    "exports",
    "greetings",
    "idempotency_keys",
    "identities",
    "invites",
    "items",
    "jobs",
    "one_time_links",
    "passkeys",
    "pending_sign_ins",
    "recovery_codes",
    "role_grants",
    "roles",
    "service_accounts",
    "sessions",
    "signing_keys",
    "spent_challenges",
    "spent_tickets",
    "task_quotas",
    "totp_factors",
    "users",
    "workers",
]

"""Translation of the driver's exceptions into those of the domain."""

import asyncpg

from jubilee.adapters.postgres.outages import outage_reason
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import Conflict, DomainError, Unavailable
from jubilee.domain.idempotency.answers import IdempotencyKeyInUse
from jubilee.domain.identities.identity import IdentityTaken
from jubilee.domain.passkeys.passkey import PasskeyKnown
from jubilee.domain.tasks.task import PayloadTooLarge
from jubilee.domain.users.user import EmailTaken, UsernameTaken

REFUSALS: dict[str, type[DomainError]] = {
    "uq_users_email_key": EmailTaken,
    "uq_users_username_key": UsernameTaken,
    "fk_items_owner_id": InvalidToken,  # the account was deleted while its last request was served
    "fk_jobs_owner_id": InvalidToken,
    "fk_task_quotas_owner_id": InvalidToken,
    "fk_api_tokens_user_id": InvalidToken,
    "uq_identities_issuer_subject": IdentityTaken,
    "pk_idempotency_keys": IdempotencyKeyInUse,
    "uq_passkeys_credential_id": PasskeyKnown,
}

DATA_SIZE = "ck_jobs_data_size"
"""Constraint on the size of data as PostgreSQL writes them, where 1e300 has 301 digits."""

AWAY = (
    OSError,  # refused, no such socket
    TimeoutError,
    asyncpg.InterfaceError,  # the connection is closed or broken
    asyncpg.InternalClientError,  # the server has announced its end, the connection is still open
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled by a timeout
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # deadlock, serialisation: the same call may work
    asyncpg.ReadOnlySQLTransactionError,  # a primary that has become a standby
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


def domain_error(error: BaseException) -> DomainError | None:
    """Translate an exception of the driver; None for one that is raised as it is."""
    if isinstance(error, asyncpg.UniqueViolationError | asyncpg.ForeignKeyViolationError):
        return REFUSALS.get(_constraint(error), Conflict)()
    if isinstance(error, asyncpg.CheckViolationError):
        return PayloadTooLarge() if _constraint(error) == DATA_SIZE else None
    return Unavailable(reason=outage_reason(error)) if isinstance(error, AWAY) else None


def _constraint(error: asyncpg.IntegrityConstraintViolationError) -> str:
    return str(error.constraint_name)  # the driver leaves its attributes untyped

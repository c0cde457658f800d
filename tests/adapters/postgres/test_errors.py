"""The domain's errors in place of the driver's."""

import asyncpg
import pytest

from jubilee.adapters.postgres.errors import DATA_SIZE, REFUSALS
from jubilee.domain.errors import Conflict, DomainError, Unavailable
from jubilee.domain.tasks.task import PayloadTooLarge
from tests.fakes.domain_errors import domain_errors


def violation(
    kind: type[asyncpg.IntegrityConstraintViolationError], constraint: str
) -> asyncpg.IntegrityConstraintViolationError:
    error = kind("violated")
    error.constraint_name = constraint
    return error


@pytest.mark.parametrize(
    "kind", [asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError], ids=["unique", "key"]
)
@pytest.mark.parametrize(("constraint", "refusal"), [*REFUSALS.items(), ("unknown", Conflict)])
def test_a_violated_constraint_is_the_error_that_it_stands_for(
    kind: type[asyncpg.IntegrityConstraintViolationError],
    constraint: str,
    refusal: type[DomainError],
) -> None:
    error = violation(kind, constraint)
    with pytest.raises(refusal) as raised, domain_errors():
        raise error
    assert (type(raised.value), raised.value.__cause__) == (refusal, error)


def test_data_that_postgresql_writes_longer_are_too_large() -> None:
    with pytest.raises(PayloadTooLarge), domain_errors():
        raise violation(asyncpg.CheckViolationError, DATA_SIZE)


def test_another_violated_check_is_a_bug() -> None:
    with pytest.raises(asyncpg.CheckViolationError), domain_errors():
        raise violation(asyncpg.CheckViolationError, "ck_jobs_status")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("closed"),
        asyncpg.PostgresConnectionError("lost"),
        asyncpg.AdminShutdownError("ending"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.ReadOnlySQLTransactionError("a standby"),
        asyncpg.InvalidPasswordError("wrong"),
        asyncpg.InvalidCatalogNameError("missing"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_cannot_be_used_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised, domain_errors():
        raise error
    assert raised.value.reason
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [asyncpg.UndefinedTableError("no"), ZeroDivisionError("a bug")])
def test_a_bug_stays_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), domain_errors():
        raise error

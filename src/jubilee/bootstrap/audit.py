"""The chain of the audit log: its keys, its upkeep in workers, and its verification."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from jubilee.adapters.postgres.application_name import named
from jubilee.adapters.postgres.audit_chain import PostgresChainReader, PostgresChainStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema_state import schema_state
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.servers import clock, database_url, signing_keys
from jubilee.domain.audit.chain import ChainKeys
from jubilee.domain.audit.upkeep import AuditRetention, AuditUpkeep
from jubilee.domain.audit.verification import ChainVerifier, NotedHead
from jubilee.domain.health import ReadSchema
from jubilee.settings import Settings

READ_TIMEOUT_S = 30.0  # for a part of the chain; no request waits for it


def audit_upkeep(settings: Settings, adapters: Adapters) -> AuditUpkeep:
    """Build the upkeep that workers run."""
    retention = AuditRetention(
        entries=timedelta(days=settings.audit_retention_days),
        clients=timedelta(days=settings.audit_client_days),
    )
    store = PostgresChainStore(adapters.read, adapters.write)
    return AuditUpkeep(store, _chain_keys(settings), retention, clock)


@asynccontextmanager
async def open_verifier(
    settings: Settings, noted: NotedHead | None
) -> AsyncIterator[tuple[ChainVerifier, ReadSchema]]:
    """Open a connection for the verification, and close it at the end; raises NoServer."""
    url = named(database_url(settings), "jubilee-audit")
    pool = ConnectionPool(url, size=1, timeout=READ_TIMEOUT_S)
    try:
        reader = PostgresChainReader(pool)
        yield ChainVerifier(reader, _chain_keys(settings), noted), await schema_state(pool)
    finally:
        await pool.close()


def _chain_keys(settings: Settings) -> ChainKeys:
    current, *previous = (keys.audit for keys in signing_keys(settings))
    return ChainKeys(current, tuple(previous))

"""The audit log of a new database, and how it is sealed and verified."""

from datetime import timedelta

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.audit_chain import PostgresChainReader, PostgresChainStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.audit.chain import ChainKeys
from jubilee.domain.audit.entry import AuditEvent, RequestOrigin
from jubilee.domain.audit.upkeep import AuditRetention, AuditUpkeep
from jubilee.domain.audit.verification import ChainVerifier, NotedHead, Verification
from jubilee.domain.identity import UserId
from tests.fakes.store import FakeClock

KEYS = ChainKeys(b"k" * 32)
ORIGIN = RequestOrigin("192.0.2.7", "curl/8.5", "request-1")
ZOE = UserId(new_id())


class Chain:
    """The audit log of a new database."""

    def __init__(self, pool: ConnectionPool, clock: FakeClock) -> None:
        """Keep entries for 40 days, and their clients for 10."""
        self.pool, self.clock = pool, clock
        context = WriteContext(clock, new_id, lambda: None, origin=lambda: ORIGIN)
        self.write = transactions(pool, context)
        retention = AuditRetention(timedelta(days=40), timedelta(days=10))
        self.upkeep = AuditUpkeep(
            PostgresChainStore(views(pool, context), self.write), KEYS, retention, clock
        )

    async def record(self, count: int = 1) -> None:
        async with self.write() as tx:
            for _ in range(count):
                await tx.audit.record(AuditEvent.SIGN_IN, actor=ZOE, subject=ZOE, role="user")

    async def verify(self, noted: NotedHead | None = None, keys: ChainKeys = KEYS) -> Verification:
        return await ChainVerifier(PostgresChainReader(self.pool), keys, noted).verify()

    async def execute(self, sql: str) -> None:
        async with self.pool.connection() as driver:
            await driver.execute(sql)

    async def count(self, sql: str) -> int:
        async with self.pool.connection() as driver:
            return int(await driver.fetchval(sql))

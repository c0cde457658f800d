"""The chain of the audit log in PostgreSQL: seals, erased clients, retention, and what is found."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.audit_chain import PostgresChainReader, PostgresChainStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.audit.chain import ChainKeys
from jubilee.domain.audit.entry import AuditEvent, RequestOrigin
from jubilee.domain.audit.upkeep import (
    BATCH_SIZE,
    AuditRetention,
    AuditUpkeep,
    UnknownSignature,
)
from jubilee.domain.audit.verification import (
    ChainPart,
    ChainReader,
    ChainVerifier,
    LooseEntries,
    NotedHead,
    Verification,
)
from jubilee.domain.identity import OPERATOR, UserId
from jubilee.domain.users.changes import record_change, record_registration
from jubilee.entrypoints.worker.periodic_tasks import audit_tasks
from tests.contracts.accounts import make_user
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


@pytest.fixture
def chain(pool: ConnectionPool, clock: FakeClock) -> Chain:
    return Chain(pool, clock)


@pytest.fixture
async def sealed(chain: Chain) -> Chain:
    """Three seals, of two entries each, a day apart."""
    for _ in range(3):
        await chain.record(2)
        await chain.upkeep.seal()
        chain.clock.tick(days=1)
    return chain


async def test_an_empty_log_is_intact(chain: Chain) -> None:
    assert await chain.upkeep.seal() is None
    assert await chain.verify() == Verification()


async def test_sealed_entries_are_intact_and_new_ones_are_counted(sealed: Chain) -> None:
    await sealed.record()
    found = await sealed.verify()
    assert (found.faults, found.seals, found.entries, found.unsealed) == ([], 3, 6, 1)


async def test_a_batch_is_bounded_and_the_next_one_follows(chain: Chain) -> None:
    await chain.record(BATCH_SIZE + 1)
    seals = [await chain.upkeep.seal() for _ in range(3)]
    assert [seal and (seal.number, seal.entries) for seal in seals] == [
        (1, BATCH_SIZE),
        (2, 1),
        None,
    ]
    assert (await chain.verify()).faults == []


async def test_a_worker_seals_all_that_waits_and_then_waits_itself(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await chain.record(BATCH_SIZE + 1)
    sealing, expiring = audit_tasks(chain.upkeep)
    assert [await sealing.run() for _ in range(3)] == [True, False, False]
    found = await chain.verify()
    heads = [vars(line)["head"] for line in caplog.records if line.message == "audit log sealed"]
    assert heads[1:] == [f"2:{found.digest.hex()}"]
    chain.clock.tick(days=41)
    assert [await expiring.run() for _ in range(2)] == [True, False]
    assert (await chain.verify()).entries == 0


async def test_an_entry_that_commits_late_is_sealed_later(chain: Chain) -> None:
    async with chain.write() as late:
        await late.audit.record(AuditEvent.SIGN_OUT, actor=ZOE, subject=ZOE)
        await chain.record()
        first = await chain.upkeep.seal()
    second = await chain.upkeep.seal()
    assert (first and first.entries, second and second.entries) == (1, 1)
    assert (await chain.verify()).faults == []


async def test_parallel_workers_seal_each_entry_once(chain: Chain) -> None:
    await chain.record(9)
    seals = await asyncio.gather(*(chain.upkeep.seal() for _ in range(4)))
    while (seal := await chain.upkeep.seal()) is not None:
        seals.append(seal)
    assert sum(seal.entries for seal in seals if seal) == 9
    assert (await chain.verify()).faults == []


ATTACKS = {
    "UPDATE audit_entries SET event = 'sign_out' WHERE seal = 2": "seal 2: entries were changed",
    "UPDATE audit_entries SET actor_id = gen_random_uuid() WHERE seal = 1": "seal 1: entries",
    "UPDATE audit_entries SET subject_id = NULL WHERE seal = 3": "seal 3: entries were changed",
    "UPDATE audit_entries SET occurred_at = occurred_at + interval '1 us' WHERE seal = 2": "seal 2",
    "UPDATE audit_entries SET request_id = 'other' WHERE seal = 2": "seal 2: entries were changed",
    'UPDATE audit_entries SET details = \'{"role": "admin"}\' WHERE seal = 2': "seal 2: entries",
    "UPDATE audit_entries SET address = '192.0.2.8' WHERE seal = 2": "address or user agent",
    "UPDATE audit_entries SET user_agent = NULL WHERE seal = 2": "its address or user agent",
    "UPDATE audit_entries SET address = NULL, user_agent = NULL, client_salt = NULL": "its address",
    "DELETE FROM audit_entries WHERE seal = 2": "seal 2: entries were changed, added or deleted",
    "DELETE FROM audit_entries WHERE id = (SELECT id FROM audit_entries LIMIT 1)": "were changed",
    "UPDATE audit_entries SET seal = 2 WHERE seal = 3": "seal 2: entries were changed",
    "UPDATE audit_entries SET seal = 9 WHERE seal = 3": "2 entries name a seal that is not in",
    "INSERT INTO audit_entries SELECT gen_random_uuid(), event, actor_id, subject_id, occurred_at,"
    " request_id, details, address, user_agent, client_salt, client_hash, seal"
    " FROM audit_entries WHERE seal = 1": "seal 1: entries were changed, added or deleted",
    "DELETE FROM audit_seals WHERE number = 2; DELETE FROM audit_entries WHERE seal = 2": (
        "seals 2 to 2 are missing"
    ),
    "DELETE FROM audit_seals WHERE number = 1; DELETE FROM audit_entries WHERE seal = 1": (
        "seals 1 to 1 are missing"
    ),
    "DELETE FROM audit_seals WHERE number = 3; DELETE FROM audit_entries WHERE seal = 3": (
        "the chain ends at seal 2, not at seal 3 as signed"
    ),
    "UPDATE audit_seals SET digest = 'x' WHERE number = 2": "seal 2: entries were changed",
    "UPDATE audit_seals SET sealed_at = now() WHERE number = 2": "seal 2: entries were changed",
    "UPDATE audit_marks SET seal = 2 WHERE name = 'sealed'": "the mark sealed at seal 2 has no",
    "UPDATE audit_marks SET seal = 2 WHERE name = 'pruned'": "the mark pruned at seal 2 has no",
    "DELETE FROM audit_marks WHERE name = 'erased'": "the mark erased at seal 0 has no valid",
    "TRUNCATE audit_entries, audit_seals": "the chain ends at seal 0, not at seal 3 as signed",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_is_changed_in_the_database_is_found(sealed: Chain, attack: str) -> None:
    await sealed.execute(attack)
    faults = (await sealed.verify()).faults
    assert any(ATTACKS[attack] in fault for fault in faults), faults


async def test_a_rewritten_chain_has_no_signature(sealed: Chain) -> None:
    await sealed.execute("UPDATE audit_entries SET event = 'sign_out', seal = NULL")
    await sealed.execute("TRUNCATE audit_seals")
    await sealed.execute(
        "UPDATE audit_marks SET seal = 0, digest = decode(repeat('00', 32), 'hex')"
    )
    forger = replace(sealed.upkeep, keys=ChainKeys(b"another key"))
    assert await forger.seal() is not None
    faults = (await sealed.verify()).faults
    assert faults == ["the mark sealed at seal 1 has no valid signature"]


async def test_nothing_is_sealed_after_a_mark_that_no_known_key_has_signed(sealed: Chain) -> None:
    await sealed.record()
    with pytest.raises(UnknownSignature, match="sealed at seal 3"):
        await replace(sealed.upkeep, keys=ChainKeys(b"another key")).seal()
    assert (await sealed.verify()).unsealed == 1


async def test_seals_of_a_previous_key_are_accepted_and_the_next_one_covers_them(
    sealed: Chain,
) -> None:
    rotated = ChainKeys(b"n" * 32, (KEYS.key,))
    assert (await sealed.verify(keys=rotated)).faults == []
    await sealed.record()
    await replace(sealed.upkeep, keys=rotated).seal()
    assert (await sealed.verify(keys=ChainKeys(b"n" * 32))).faults == []


async def test_the_marks_of_a_previous_key_are_signed_again_without_new_entries(
    sealed: Chain,
) -> None:
    sealed.clock.tick(days=38, seconds=1)
    _, expiring = audit_tasks(sealed.upkeep)
    while await expiring.run():
        pass
    new = ChainKeys(b"n" * 32)
    assert len((await sealed.verify(keys=new)).faults) == 3
    _, expiring = audit_tasks(replace(sealed.upkeep, keys=replace(new, previous=(KEYS.key,))))
    assert not await expiring.run()
    assert (await sealed.verify(keys=new)).faults == []


async def test_a_noted_head_must_be_in_the_chain(sealed: Chain) -> None:
    found = await sealed.verify()
    noted = NotedHead(found.head, found.digest)
    await sealed.record()
    await sealed.upkeep.seal()
    assert (await sealed.verify(noted)).faults == []
    other = await sealed.verify(replace(noted, digest=b"x" * 32))
    assert other.faults == ["seal 3 is not the one that was noted"]
    later = await sealed.verify(replace(noted, number=5))
    assert later.faults == ["seal 5, which was noted, is missing"]


async def test_clients_are_erased_in_time_and_the_chain_stays_intact(sealed: Chain) -> None:
    sealed.clock.tick(days=8, seconds=1)  # the first seal is eleven days old, the third nine
    assert [await sealed.upkeep.erase() for _ in range(2)] == [2, 0]
    known = "SELECT count(*) FROM audit_entries WHERE num_nonnulls(address, user_agent) = 2"
    erased = "SELECT count(*) FROM audit_entries WHERE num_nulls(address, client_salt) = 2"
    assert (await sealed.count(known), await sealed.count(erased)) == (2, 4)
    found = await sealed.verify()
    assert (found.faults, found.entries) == ([], 6)


async def test_check_45_of_a_deleted_account_the_log_keeps_a_pseudonym_and_the_client_for_a_while(
    chain: Chain,
) -> None:
    zoe = make_user("zoe", username="zoe", full_name="Zoe Quill")
    async with chain.write() as tx:
        await tx.users.add(zoe)
        await record_registration(tx.audit, zoe, None)
        await record_change(tx.audit, zoe, replace(zoe, email="zq@example.com"), OPERATOR)
        await tx.users.delete(zoe.id)
    await chain.upkeep.seal()
    written = "SELECT string_agg(e::text, ' ') FROM audit_entries AS e"
    async with chain.pool.connection() as driver:
        kept = await driver.fetchval(written)
        chain.clock.tick(days=10, seconds=1)
        await chain.upkeep.erase()
        later = await driver.fetchval(written)
    assert str(zoe.id) in later
    assert ("192.0.2.7" in kept, "192.0.2.7" in later) == (True, False)
    assert [text for text in ("zoe", "Zoe", "example.com", "curl") if text in later] == []
    assert (await chain.verify()).faults == []


async def test_expired_seals_are_deleted_and_the_rest_stays_intact(sealed: Chain) -> None:
    found = await sealed.verify()
    sealed.clock.tick(days=38, seconds=1)
    assert [await sealed.upkeep.prune() for _ in range(2)] == [2, 0]
    assert await sealed.count("SELECT count(*) FROM audit_entries") == 2
    assert await sealed.count("SELECT count(*) FROM audit_seals") == 1
    after = await sealed.verify(NotedHead(found.head, found.digest))
    assert (after.faults, after.seals, after.head) == ([], 1, 3)
    await sealed.execute("UPDATE audit_entries SET event = 'sign_out'")
    assert (await sealed.verify()).faults == ["seal 3: entries were changed, added or deleted"]


async def test_a_log_of_which_all_has_expired_goes_on_after_its_last_seal(sealed: Chain) -> None:
    sealed.clock.tick(days=100)
    assert await sealed.upkeep.prune() == 3
    await sealed.record()
    seal = await sealed.upkeep.seal()
    assert seal is not None
    assert (seal.number, (await sealed.verify()).faults) == (4, [])


async def test_a_log_may_grow_and_be_pruned_during_its_verification(sealed: Chain) -> None:
    reader = PostgresChainReader(sealed.pool)

    async def prune_first() -> None:
        sealed.clock.tick(days=38, seconds=1)
        await sealed.upkeep.prune()
        await sealed.record()
        await sealed.upkeep.seal()

    found = await ChainVerifier(DisturbedReader(reader, prune_first), KEYS).verify()
    assert (found.faults, found.head) == ([], 4)


class DisturbedReader(ChainReader):
    """Returns one seal of the first part, and does something before the next part is read."""

    def __init__(self, reader: ChainReader, disturb: Callable[[], Awaitable[None]]) -> None:
        self._reader, self._disturb = reader, disturb

    async def read(self, *, after: int) -> ChainPart:
        part = await self._reader.read(after=after)
        if after > 0:
            return part
        await self._disturb()
        return replace(part, batches=part.batches[:1])

    async def loose(self) -> LooseEntries:
        return await self._reader.loose()

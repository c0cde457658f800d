"""The chain of the audit log in PostgreSQL: seals, and what is found."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from jubilee.adapters.postgres import audit_chain
from jubilee.adapters.postgres.audit_chain import PostgresChainReader
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.audit.chain import ChainKeys
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.audit.upkeep import BATCH_SIZE, UnknownSignature
from jubilee.domain.audit.verification import (
    ChainPart,
    ChainReader,
    ChainVerifier,
    LooseEntries,
    NotedHead,
    Verification,
)
from jubilee.entrypoints.worker.periodic_tasks import audit_tasks
from tests.contracts.audit_chain import KEYS, ZOE, Chain


async def test_an_empty_log_is_intact(chain: Chain, pool: ConnectionPool) -> None:
    assert await chain.upkeep.seal() is None
    assert await chain.verify() == Verification()
    assert (await PostgresChainReader(pool).read(after=0)).batches == []


async def test_sealed_entries_are_intact_and_new_ones_are_counted(sealed: Chain) -> None:
    await sealed.record()
    found = await sealed.verify()
    assert (found.faults, found.seals, found.entries, found.unsealed) == ([], 3, 6, 1)


async def test_every_part_has_room_for_its_batches(
    sealed: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_chain, "PART_SEALS", 1)
    monkeypatch.setattr(audit_chain, "BATCH_SIZE", 2)  # as many as each seal of the chain covers
    found = await sealed.verify()
    assert (found.faults, found.seals, found.entries) == ([], 3, 6)


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


async def test_a_mark_of_a_newer_version_is_left_out(sealed: Chain, pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute("INSERT INTO audit_marks VALUES ('newer', 0, '', '')")
    assert (await sealed.verify()).faults == []

"""What expires of the audit log in PostgreSQL: clients, and whole seals."""

from dataclasses import replace

from jubilee.domain.audit.verification import NotedHead
from jubilee.domain.identity import OPERATOR
from jubilee.domain.users.changes import record_change, record_registration
from tests.contracts.accounts import make_user
from tests.contracts.audit_chain import Chain


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

"""No statement about one account reads or changes a row of another.

A condition that is missing, or joined in another way, is seen only where other rows exist.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.tables import users
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.greetings.greeting import GreetingState
from jubilee.domain.items import ItemFilter
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.tasks.task import TaskFilter
from tests.contracts.account_rows import CODE, AccountRows, make_link, unique
from tests.contracts.accounts import DAY, NOW, ForcedRollback
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

Use: TypeAlias = Callable[[Any, AccountRows], Awaitable[object]]

RESET = LinkPurpose.RESET_PASSWORD
LATER = NOW + 2 * DAY
READS: dict[str, Use] = {
    "sessions": lambda tx, zoe: tx.sessions.list_for(zoe.user.id),
    "session": lambda tx, zoe: tx.sessions.find(zoe.session.id, lock=True),
    "tokens": lambda tx, zoe: tx.api_tokens.count(zoe.user.id),
    "token": lambda tx, zoe: tx.api_tokens.check(zoe.token.token_hash),
    "items": lambda tx, zoe: rows_of(tx.items, ItemFilter(owner=zoe.user.id)),
    "apps": lambda tx, zoe: tx.factors.list_for(zoe.user.id, lock=True),
    "factors": lambda tx, zoe: tx.factors.kinds_of(zoe.user.id),
    "codes": lambda tx, zoe: tx.recovery_codes.count(zoe.user.id),
    "a used code": lambda tx, zoe: tx.recovery_codes.use(zoe.user.id, CODE),
    "passkeys": lambda tx, zoe: tx.passkeys.list_for(zoe.user.id),
    "passkey": lambda tx, zoe: tx.passkeys.find(zoe.passkey.credential_id, lock=True),
    "a try": lambda tx, zoe: tx.pending_sign_ins.count_try(zoe.pending.token_hash, now=NOW),
    "identities": lambda tx, zoe: tx.identities.list_for(zoe.user.id),
    "identity": lambda tx, zoe: tx.identities.find(zoe.identity.issuer, zoe.identity.subject),
    "links": lambda tx, zoe: tx.one_time.count(zoe.user.id, RESET, since=NOW - DAY),
    "link": lambda tx, zoe: tx.one_time.get(zoe.link.id),
    "link by token": lambda tx, zoe: tx.one_time.find_by_token(RESET, zoe.link.token_hash),
    "link by address": lambda tx, zoe: tx.one_time.find_by_recipient(RESET, zoe.user.email),
    "invites": lambda tx, zoe: tx.invites.count(zoe.user.id, limit=9),
    "invite": lambda tx, zoe: tx.invites.get(zoe.invite.id),
    "invite by token": lambda tx, zoe: tx.invites.find_by_token(zoe.invite.token_hash),
    "invite by address": lambda tx, zoe: tx.invites.find_by_email(zoe.invite.email),
    "roles": lambda tx, zoe: tx.roles.granted(zoe.user.id),
    "deletion": lambda tx, zoe: tx.deletions.find(zoe.user.id),
    "export": lambda tx, zoe: tx.exports.find(zoe.user.id, now=NOW),
    "chunk": lambda tx, zoe: tx.exports.chunk(zoe.export.id, 0),
    "greeting": lambda tx, zoe: tx.greetings.lock(zoe.greeting.key),
    "tasks": lambda tx, zoe: rows_of(tx.tasks, TaskFilter(owner=zoe.user.id)),
    "same task": lambda tx, zoe: tx.task_queue.find_same(zoe.task.request, owner=zoe.user.id),
    "mails": lambda tx, zoe: rows_of(tx.own_mails, zoe.user.id),
    "answer": lambda tx, zoe: tx.answers.find(zoe.answer),
}
"""What finds something for an account with rows, and nothing for one without."""

WRITES: dict[str, Use] = {
    "end sessions": lambda tx, zoe: tx.sessions.end_all(zoe.user.id),
    "end others": lambda tx, zoe: tx.sessions.end_all(zoe.user.id, but=zoe.session.id),
    "end session": lambda tx, zoe: tx.sessions.end(zoe.session.id, user_id=zoe.user.id),
    "prune sessions": lambda tx, zoe: tx.sessions.prune(zoe.user.id, now=LATER),
    "save session": lambda tx, zoe: tx.sessions.save(replace(zoe.session, generation=9)),
    "prove": lambda tx, zoe: tx.sessions.prove(zoe.session.id, at=LATER, second_factor=True),
    "drop tokens": lambda tx, zoe: tx.api_tokens.drop_expired(zoe.user.id, now=LATER),
    "prune tokens": lambda tx, zoe: tx.api_tokens.prune_granted(zoe.user.id),
    "delete token": lambda tx, zoe: tx.api_tokens.delete(zoe.token.id, user_id=zoe.user.id),
    "delete tokens": lambda tx, zoe: tx.api_tokens.delete_of(zoe.user.id),
    "save item": lambda tx, zoe: tx.items.save(zoe.item._replace(title="Other")),
    "delete items": lambda tx, zoe: tx.items.delete_of(zoe.user.id),
    "save app": lambda tx, zoe: tx.factors.save(replace(zoe.app, last_step=9)),
    "remove app": lambda tx, zoe: tx.factors.remove(zoe.app.id),
    "clear factors": lambda tx, zoe: tx.factors.clear(zoe.user.id),
    "replace codes": lambda tx, zoe: tx.recovery_codes.replace(zoe.user.id, [unique()]),
    "use code": lambda tx, zoe: tx.recovery_codes.use(zoe.user.id, CODE),
    "save passkey": lambda tx, zoe: tx.passkeys.save(replace(zoe.passkey, sign_count=9)),
    "remove passkey": lambda tx, zoe: tx.passkeys.remove(zoe.passkey.id),
    "count try": lambda tx, zoe: tx.pending_sign_ins.count_try(zoe.pending.token_hash, now=NOW),
    "take sign-in": lambda tx, zoe: tx.pending_sign_ins.take(zoe.pending.token_hash),
    "add sign-in": lambda tx, zoe: tx.pending_sign_ins.add(
        replace(zoe.pending, token_hash=unique()), now=LATER
    ),
    "save identity": lambda tx, zoe: tx.identities.save(replace(zoe.identity, email="x@y.test")),
    "delete identity": lambda tx, zoe: tx.identities.delete(zoe.identity.id),
    "end link": lambda tx, zoe: tx.one_time.end(zoe.link.id, now=NOW),
    "end links": lambda tx, zoe: tx.one_time.end_all(zoe.user.id, now=NOW),
    "replace link": lambda tx, zoe: tx.one_time.add(make_link(zoe.user)),
    "remove invite": lambda tx, zoe: tx.invites.remove(zoe.invite.id),
    "replace invite": lambda tx, zoe: tx.invites.add(replace(zoe.invite, id=new_id())),
    "take roles": lambda tx, zoe: tx.roles.replace_grants(zoe.user.id, [], by=zoe.user.id, at=NOW),
    "remove deletion": lambda tx, zoe: tx.deletions.remove(zoe.user.id),
    "begin export": lambda tx, zoe: tx.exports.begin(new_id(), zoe.user.id, expires_at=LATER),
    "finish export": lambda tx, zoe: tx.exports.finish(zoe.export),
    "save greeting": lambda tx, zoe: tx.greetings.save(
        replace(zoe.greeting, state=GreetingState.SENT, sent_at=NOW)
    ),
    "cancel task": lambda tx, zoe: tx.tasks.cancel(zoe.task.id),
    "stop task": lambda tx, zoe: tx.tasks.request_cancel(zoe.task.id),
    "remove task": lambda tx, zoe: tx.tasks.remove(zoe.task.id),
    "count tasks": lambda tx, zoe: tx.task_queue.recount(zoe.user.id, limit=9),
    "admit task": lambda tx, zoe: tx.task_queue.admit(zoe.user.id, limit=9),
    "save account": lambda tx, zoe: tx.users.save(
        replace(zoe.user, email="new@example.com", username="other", date_of_birth=None)
    ),
    "delete answers": lambda tx, zoe: tx.answers.delete_about(zoe.user.id),
    "delete account": lambda tx, zoe: tx.users.delete(zoe.user.id),
}


UNSEEN = {"end others", "prune tokens", "finish export", "count tasks", "admit task"}
"""What changes nothing of these rows."""


async def rows_of(repository: Any, chosen: object) -> Sequence[object]:
    """Return the rows of the first page."""
    rows: Sequence[object] = (await repository.page(chosen, after=None, limit=9)).rows
    return rows


async def snapshot(tx: Any, account: AccountRows) -> list[str]:
    """Return every row that names the account, as it is stored."""
    found = []
    for table in users.metadata.tables:
        sql = f"SELECT CAST(t AS text) FROM {table} AS t WHERE CAST(t AS text) LIKE $1"
        rows = await tx.executor.driver.fetch(sql, f"%{account.user.id}%")
        found += [f"{table} {row[0]}" for row in rows]
    return sorted(found)


async def test_what_is_read_of_an_account_is_its_own(database: Database) -> None:
    zoe, max_, none = (AccountRows.make(name) for name in ("zoe", "max", "none"))
    async with database.write() as tx:
        for account in (zoe, max_):
            await account.add(tx)
        await tx.users.add(none.user)
    for name, read in READS.items():
        async with database.write() as tx:
            assert await read(tx, zoe), name
            assert not await read(tx, none), name


async def test_what_is_written_of_an_account_leaves_others_as_they_are(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    zoe, others = AccountRows.make("zoe"), [AccountRows.make(name) for name in ("max", "eve")]
    write = transactions(pool, WriteContext(clock, new_id, lambda: None))
    async with write() as tx:
        for account in (zoe, *others):
            await account.add(tx)
    for name, change in WRITES.items():
        with suppress(ForcedRollback):
            async with write() as tx:
                before = [await snapshot(tx, other) for other in others]
                own = await snapshot(tx, zoe)
                await change(tx, zoe)
                assert [await snapshot(tx, other) for other in others] == before, name
                assert name in UNSEEN or await snapshot(tx, zoe) != own, name
                raise ForcedRollback
